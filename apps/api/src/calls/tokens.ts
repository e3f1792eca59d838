import type { Handle } from '../call.ts'

export const listTokens: Handle<'listTokens'> = async ({ services, actor, query }) => {
  return { status: 200, body: await services.store.accounts.tokens.list(actor, query) }
}

export const createToken: Handle<'createToken'> = async ({ services, actor, body }) => {
  const { expiresAt, ...token } = body
  const made = await services.store.accounts.tokens.create(actor, {
    ...token,
    ...(expiresAt !== undefined && { expiresAt: new Date(expiresAt) }),
  })
  return { status: 201, body: made }
}

export const revokeToken: Handle<'revokeToken'> = async ({ services, actor, params }) => {
  await services.store.accounts.tokens.revoke(actor, params.id)
  return { status: 204 }
}
