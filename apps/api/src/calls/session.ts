import type { Handle } from '../call.ts'

export const login: Handle<'login'> = async ({ services, address, body }) => {
  const session = await services.store.accounts.signIn(body.username, body.password, address)
  return { status: 200, body: session }
}

/** The credential that asks is the one that ends, session or token. */
export const logout: Handle<'logout'> = async ({ services, actor }) => {
  if (actor.tokenId !== null) await services.store.accounts.tokens.revoke(actor, actor.tokenId)
  return { status: 204 }
}

export const getMe: Handle<'getMe'> = async ({ services, actor, grants }) => {
  const { accounts, feeds, sites } = services.store
  const names = new Map((await feeds.list()).map(({ id, name }) => [id, name]))
  const reports = actor.scopes.some((scope) => scope.startsWith('report:'))
  for (const { id, name } of reports ? await sites.reporting(actor) : []) names.set(id, name)
  const user = actor.kind === 'person' ? await accounts.users.get(actor.name) : null
  return {
    status: 200,
    body: {
      id: actor.principalId,
      kind: actor.kind,
      name: actor.name,
      displayName: user?.displayName ?? actor.name,
      roles: actor.roles,
      mustChangePassword: actor.mustChangePassword,
      scopes: actor.scopes.map((scope) => named(scope, names)),
      grants: [...grants].map(([id, verbs]) => ({ feed: names.get(id) ?? id, verbs: [...verbs] })),
    },
  }
}

export const changePassword: Handle<'changePassword'> = async ({ services, actor, body }) => {
  await services.store.accounts.changePassword(actor, body)
  return { status: 204 }
}

/** `push:<feed id>` as `push:<feed name>`, `report:<site id>` as `report:<site name>`. */
function named(scope: string, names: ReadonlyMap<string, string>): string {
  const [verb, id] = scope.split(':')
  return id === undefined ? scope : `${verb}:${names.get(id) ?? id}`
}
