import { cloneDatabase } from '@sluice/testkit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Actor, openStore, type Seeded, type Store } from '../index.ts'

let database: Awaited<ReturnType<typeof cloneDatabase>>
let store: Store
let admin: Actor
let starts: Seeded[]

beforeAll(async () => {
  database = await cloneDatabase()
  store = await openStore({ url: database.apiUrl })
  starts = await Promise.all([1, 2, 3].map(() => store.accounts.seed({ adminPassword: 'first-password' })))
  admin = (await store.accounts.byPassword('admin', 'first-password'))!
})

afterAll(async () => {
  await store.close()
  await database.drop()
})

const page = { limit: 100 }
const feedId = async (name: string) => (await store.feeds.get(name)).id

async function session(username: string, password: string): Promise<Actor> {
  const { token } = await store.accounts.signIn(username, password)
  return (await store.accounts.byToken(token))!
}

test('the first start makes the instance, admin, both feeds and the lane, each with its entry', async () => {
  expect(starts.filter(({ seeded }) => seeded)).toEqual([
    { seeded: true, username: 'admin', generatedPassword: null },
  ])
  expect(await store.instance()).toMatchObject({ name: 'sluice' })
  expect((await store.feeds.list()).map(({ name, trusted }) => [name, trusted])).toEqual([
    ['dev', false],
    ['trusted', true],
  ])
  expect(await store.lanes.list()).toMatchObject([
    { name: 'dev-to-trusted', from: 'dev', to: 'trusted', version: 1 },
  ])
  const { items } = await store.audit.list(page)
  expect(items.map(({ type }) => type).sort()).toEqual([
    'feed.created',
    'feed.created',
    'instance.created',
    'lane.created',
  ])
  expect(await store.accounts.seed({ adminPassword: 'another' })).toEqual({ seeded: false })
})

test('a generated first password signs in', async () => {
  const other = await cloneDatabase()
  const second = await openStore({ url: other.apiUrl })
  const start = await second.accounts.seed({ instance: 'north' })
  if (!start.seeded || start.generatedPassword === null) throw new Error('no password was generated')
  expect(await second.instance()).toMatchObject({ name: 'north' })
  expect(await second.accounts.byPassword('admin', start.generatedPassword)).toMatchObject({
    roles: ['admin'],
  })
  await second.close()
  await other.drop()
})

describe('signing in', () => {
  test.each([
    ['an unknown user', 'nobody', 'first-password'],
    ['a wrong password', 'admin', 'wrong-password'],
    ['an empty password', 'admin', ''],
    ['a huge password', 'admin', 'x'.repeat(100_000)],
    ['a name with a NUL-like escape', "admin' --", 'first-password'],
  ])('%s: credentials_invalid', async (_, username, password) => {
    await expect(store.accounts.signIn(username, password)).rejects.toMatchObject({
      code: 'credentials_invalid',
    })
    expect(await store.accounts.byPassword(username, password)).toBeNull()
  })

  test('a session speaks for the person until it is revoked', async () => {
    const { token, expiresAt } = await store.accounts.signIn('admin', 'first-password')
    expect(expiresAt.getTime()).toBeGreaterThan(Date.now())
    const actor = await store.accounts.byToken(token)
    expect(actor).toMatchObject({
      name: 'admin',
      kind: 'person',
      roles: ['admin'],
      scopes: ['*'],
      personId: admin.personId,
    })
    expect(actor?.answerable).toEqual([admin.personId])
    await store.accounts.tokens.revoke(actor!, actor!.tokenId!)
    expect(await store.accounts.byToken(token)).toBeNull()
  })

  test.each(['', 'slu_', `slu_${'A'.repeat(43)}`, 'Bearer x', 'x'.repeat(100_000)])(
    'no token: %.20s',
    async (secret) => {
      expect(await store.accounts.byToken(secret)).toBeNull()
    },
  )

  test('a changed password, a disabled person and an ended session count at once', async () => {
    await store.accounts.users.create(admin, { username: 'mira', password: 'mira-first' })
    const mira = await session('mira', 'mira-first')
    const other = await store.accounts.signIn('mira', 'mira-first')
    await expect(
      store.accounts.changePassword(mira, { current: 'wrong-one', next: 'mira-second' }),
    ).rejects.toMatchObject({
      code: 'credentials_invalid',
    })
    await expect(
      store.accounts.changePassword(mira, { current: 'mira-first', next: 'short' }),
    ).rejects.toMatchObject({
      code: 'invalid',
      field: 'next',
    })
    await store.accounts.changePassword(mira, { current: 'mira-first', next: 'mira-second' })
    expect(await store.accounts.byPassword('mira', 'mira-first')).toBeNull()
    expect(await store.accounts.byPassword('mira', 'mira-second')).not.toBeNull()
    expect(await store.accounts.byToken(other.token)).toBeNull()
    await store.accounts.users.remove(admin, 'mira')
    expect(await store.accounts.byPassword('mira', 'mira-second')).toBeNull()
    expect((await store.accounts.users.get('mira')).disabled).toBe(true)
  })

  test('until a given password is changed, the person holds no role and no grant', async () => {
    const { user, password } = await store.accounts.users.create(admin, {
      username: 'noor',
      roles: ['admin', 'auditor'],
    })
    expect(user).toMatchObject({ mustChangePassword: true, roles: ['admin', 'auditor'] })
    const before = await session('noor', password!)
    expect(before).toMatchObject({ mustChangePassword: true, roles: [] })
    expect((await store.accounts.grantsOf(before)).size).toBe(0)
    await store.accounts.changePassword(before, { current: password!, next: 'noor-chose-this' })
    expect(await session('noor', 'noor-chose-this')).toMatchObject({
      mustChangePassword: false,
      roles: ['admin', 'auditor'],
    })
  })
})

describe('users and groups', () => {
  test.each([
    ['username', { username: 'Upper' }],
    ['username', { username: '' }],
    ['username', { username: '-x' }],
    ['username', { username: 'a'.repeat(65) }],
    ['password', { username: 'valid', password: 'short' }],
    ['displayName', { username: 'valid', displayName: 'two\nlines' }],
    ['groups', { username: 'valid', groups: ['no-such'] }],
  ])('a wrong %s is refused by name', async (field, user) => {
    await expect(store.accounts.users.create(admin, user)).rejects.toMatchObject({ code: 'invalid', field })
  })

  test('a name is taken once, by users and robots together, also under contest', async () => {
    const tries = Array.from({ length: 4 }, () =>
      store.accounts.users.create(admin, { username: 'twin', password: 'long-enough' }),
    )
    const outcomes = await Promise.allSettled(tries)
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    const token = { name: 'ci', scopes: ['*'], robot: 'twin' }
    await expect(store.accounts.tokens.create(admin, token)).rejects.toMatchObject({
      code: 'name_taken',
      field: 'robot',
    })
  })

  test('groups carry grants to their members, and take them along when removed', async () => {
    const { accounts, feeds } = store
    await accounts.users.create(admin, { username: 'gia', password: 'gia-password' })
    await accounts.groups.create(admin, { name: 'releasers', members: ['gia'] })
    await expect(accounts.groups.create(admin, { name: 'releasers' })).rejects.toMatchObject({
      code: 'name_taken',
    })
    const dev = await feedId('dev')
    const { items, etag } = await feeds.grants(dev)
    await feeds.putGrants(
      admin,
      dev,
      [...items, { principal: 'group:releasers', verbs: ['push', 'pull'] }],
      etag,
    )
    const gia = await session('gia', 'gia-password')
    expect([...(await accounts.grantsOf(gia)).get(dev)!].sort()).toEqual(['pull', 'push'])
    expect(await accounts.users.get('gia')).toMatchObject({ groups: ['releasers'] })
    await accounts.groups.patch(admin, 'releasers', { members: [] })
    expect((await accounts.grantsOf(gia)).has(dev)).toBe(false)
    await accounts.users.patch(admin, 'gia', { groups: ['releasers'] })
    expect((await accounts.groups.get('releasers')).members).toEqual(['gia'])
    await accounts.groups.remove(admin, 'releasers')
    expect((await accounts.grantsOf(gia)).has(dev)).toBe(false)
    expect((await feeds.grants(dev)).items).toEqual(items)
  })

  test('the last administrator stays', async () => {
    const database = await cloneDatabase()
    const store = await openStore({ url: database.apiUrl })
    await store.accounts.seed({ adminPassword: 'long enough' })
    const admin = (await store.accounts.byPassword('admin', 'long enough'))!
    for (const change of [{ roles: [] }, { disabled: true }]) {
      await expect(store.accounts.users.patch(admin, 'admin', change)).rejects.toMatchObject({
        code: 'last_admin',
      })
    }
    await store.accounts.users.create(admin, {
      username: 'second',
      password: 'second-password',
      roles: ['admin'],
    })
    expect(await store.accounts.users.patch(admin, 'admin', { roles: [] })).toMatchObject({ roles: [] })
    await store.close()
    await database.drop()
  })

  test('lists come in pages by name', async () => {
    const first = await store.accounts.users.list({ limit: 2 })
    const second = await store.accounts.users.list({ limit: 100, after: first.next })
    const names = [...first.items, ...second.items].map(({ username }) => username)
    expect(names).toEqual([...new Set(names)].sort())
    expect(names).toContain('admin')
    expect(second.next).toBeNull()
  })
})

describe('tokens', () => {
  test('a limited token reaches what its scopes name, by feed id, and is nobody’s administrator', async () => {
    const { accounts, feeds } = store
    await feeds.create(admin, { name: 'early', stage: 'dev', trusted: false })
    const token = await accounts.tokens.create(admin, { name: 'ci', scopes: ['push:early', 'pull:early'] })
    const limited = (await accounts.byToken(token.secret))!
    expect(limited).toMatchObject({ roles: [], answerable: [admin.personId] })
    const early = await feedId('early')
    expect([...(await accounts.grantsOf(limited))].map(([feed, verbs]) => [feed, [...verbs].sort()])).toEqual(
      [[early, ['pull', 'push']]],
    )
    await feeds.patch(admin, 'early', { name: 'later' })
    expect((await accounts.tokens.list(admin, page)).items.find(({ id }) => id === token.id)?.scopes).toEqual(
      ['push:later', 'pull:later'],
    )
    await expect(accounts.tokens.create(limited, { name: 'wider', scopes: ['*'] })).rejects.toMatchObject({
      code: 'denied',
    })
    await expect(
      accounts.changePassword(limited, { current: 'first-password', next: 'first-password2' }),
    ).rejects.toMatchObject({ code: 'denied' })
    expect(await accounts.byPassword('admin', token.secret)).toMatchObject({ tokenId: token.id })
    expect(await accounts.byPassword('someone', token.secret)).toBeNull()
    await accounts.tokens.revoke(admin, token.id)
    expect(await accounts.byToken(token.secret)).toBeNull()
    await expect(accounts.tokens.revoke(admin, token.id)).rejects.toMatchObject({ code: 'not_found' })
  })

  test('a robot acts by its own grants, and its maker answers for it', async () => {
    const { accounts, feeds } = store
    await accounts.users.create(admin, { username: 'rob', password: 'rob-password' })
    const rob = await session('rob', 'rob-password')
    const token = await accounts.tokens.create(rob, { name: 'ci', scopes: ['*'], robot: 'builder' })
    const dev = await feedId('dev')
    const { items } = await feeds.grants(dev)
    await feeds.putGrants(admin, dev, [...items, { principal: 'robot:builder', verbs: ['push'] }])
    const builder = (await accounts.byPassword('builder', token.secret))!
    expect(builder).toMatchObject({
      kind: 'robot',
      name: 'builder',
      personId: null,
      answerable: [rob.personId],
      roles: [],
    })
    expect([...(await accounts.grantsOf(builder)).get(dev)!]).toEqual(['push'])
    await expect(accounts.tokens.create(builder, { name: 'more', scopes: ['*'] })).rejects.toMatchObject({
      code: 'denied',
    })
    await accounts.users.create(admin, { username: 'eve', password: 'eve-password' })
    const eve = await session('eve', 'eve-password')
    await expect(
      accounts.tokens.create(eve, { name: 'x', scopes: ['*'], robot: 'builder' }),
    ).rejects.toMatchObject({ code: 'denied' })
    await expect(accounts.tokens.revoke(eve, token.id)).rejects.toMatchObject({ code: 'not_found' })
    await accounts.users.remove(admin, 'rob')
    expect(await accounts.byToken(token.secret)).toBeNull()
  })

  test.each([
    ['scopes', { scopes: [] }],
    ['scopes[0]', { scopes: ['fly:dev'] }],
    ['scopes[0]', { scopes: ['pull:nowhere'] }],
    ['scopes[1]', { scopes: ['*', 'pull:dev:x'] }],
    ['expiresAt', { expiresAt: new Date(0) }],
    ['expiresAt', { expiresAt: new Date(Number.NaN) }],
    ['expiresAt', { expiresAt: new Date(Date.now() + 400 * 86_400_000) }],
    ['name', { name: '' }],
    ['robot', { robot: 'Bad Name' }],
  ])('a wrong %s is refused', async (field, wrong) => {
    const token = { name: 'ci', scopes: ['*'], ...wrong }
    await expect(store.accounts.tokens.create(admin, token)).rejects.toMatchObject({ code: 'invalid', field })
  })
})

test('anonymous callers have what * has, and only to pull; a role admin administers every feed', async () => {
  const { accounts, feeds } = store
  const trusted = await feedId('trusted')
  const { items } = await feeds.grants(trusted)
  expect((await accounts.grantsOf(null)).size).toBe(0)
  await feeds.putGrants(admin, trusted, [...items, { principal: '*', verbs: ['pull', 'push'] }])
  expect([...(await accounts.grantsOf(null))].map(([feed, verbs]) => [feed, [...verbs]])).toEqual([
    [trusted, ['pull']],
  ])
  await accounts.users.create(admin, { username: 'op', password: 'op-password', roles: ['admin'] })
  const op = await session('op', 'op-password')
  const grants = await accounts.grantsOf(op)
  expect([...grants.get(await feedId('dev'))!]).toEqual(['admin'])
  expect([...grants.get(trusted)!].sort()).toEqual(['admin', 'pull', 'push'])
})
