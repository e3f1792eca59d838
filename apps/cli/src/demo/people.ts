import { randomBytes } from 'node:crypto'
import type { Client, Verb } from '@sluice/contract'

export type Person = { readonly name: string; readonly password: string }

/** The two who play: `ci` pushes and requests, `approver` decides. */
export type Cast = { readonly ci: Person; readonly approver: Person }

const rights: Readonly<Record<keyof Cast, Readonly<Record<string, readonly Verb[]>>>> = {
  // ci may approve others' requests, so that what refuses its own is the rule and not a missing grant.
  ci: { dev: ['pull', 'push'], trusted: ['pull', 'request', 'approve'] },
  approver: { trusted: ['pull', 'approve'] },
}

/** Makes both persons with their grants. */
export async function enter(admin: Client, run: string): Promise<Cast> {
  const cast = { ci: person(`ci-${run}`), approver: person(`approver-${run}`) }
  for (const { name, password } of Object.values(cast)) {
    await admin.createUser({ body: { username: name, password } })
  }
  for (const feed of ['dev', 'trusted']) {
    const { items, etag } = await grants(admin, feed)
    const added = (['ci', 'approver'] as const).flatMap((role) => {
      const verbs = rights[role][feed]
      return verbs === undefined ? [] : [{ principal: `user:${cast[role].name}`, verbs: [...verbs] }]
    })
    await admin.putGrants({ params: { feed }, headers: etag, body: [...items, ...added] })
  }
  return cast
}

/** Takes their grants back and disables them; what they did stays recorded. */
export async function leave(admin: Client, cast: Cast): Promise<void> {
  const names = Object.values(cast).map(({ name }) => name)
  for (const feed of ['dev', 'trusted']) {
    const { items, etag } = await grants(admin, feed)
    const left = items.filter(({ principal }) => !names.some((name) => principal === `user:${name}`))
    await admin.putGrants({ params: { feed }, headers: etag, body: left })
  }
  for (const name of names) await admin.deleteUser({ params: { name } })
}

const person = (name: string): Person => ({ name, password: randomBytes(18).toString('base64url') })

async function grants(admin: Client, feed: string) {
  const { body, etag } = await admin.send('getGrants', { params: { feed } })
  return { items: body.items, etag: etag === null ? {} : { 'if-match': etag } }
}
