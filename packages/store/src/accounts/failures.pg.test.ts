import { cloneDatabase } from '@sluice/testkit'
import { beforeEach, expect, test } from 'vitest'
import { openStore, type Store } from '../index.ts'
import { failedSignIns } from './failures.ts'

const PASSWORD = 'the right one'
const WINDOW_MS = 5 * 60_000

let clock: number
let store: Store
let worker: Store
let admin: string
const now = () => clock

beforeEach(async () => {
  const database = await cloneDatabase()
  // A minute into a window.
  clock = Math.ceil(Date.now() / WINDOW_MS) * WINDOW_MS + 60_000
  store = await openStore({ url: database.apiUrl, now })
  worker = await openStore({ url: database.workerUrl, now })
  await store.accounts.seed({ adminPassword: PASSWORD, instance: 'test' })
  admin = (await store.accounts.byPassword('admin', PASSWORD))!.principalId
  return async () => {
    await store.close()
    await worker.close()
    await database.drop()
  }
}, 60_000)

const limited = { code: 'rate_limited', detail: { retryAfter: 240 } }
const wrong = async (from: number, to: number, address: string) => {
  for (let n = from; n < to; n++) {
    expect(await store.accounts.byPassword('admin', `wrong ${n}`, address)).toBeNull()
  }
}
/** As many as wrong passwords of `admin` from there. */
const noted = async (count: number, address: string) => {
  const failures = failedSignIns(store.pool, now)
  for (let n = 0; n < count; n++) await failures.note({ username: 'admin', personId: admin, address })
}
const counters = async () => (await store.pool.query('select key, count from rate_count order by key')).rows
const entries = async () =>
  (await store.pool.query(`select id from audit_entry where type = 'sign_in.failed'`)).rowCount

test('right passwords are never counted, however many and from wherever', async () => {
  for (let n = 0; n < 300; n++) {
    expect(await store.accounts.byPassword('admin', PASSWORD, '192.0.2.1')).not.toBeNull()
  }
  expect(await counters()).toEqual([])
})

test('ten wrong passwords for one account from one address: the right one waits, until the window ends', async () => {
  await noted(9, '192.0.2.1')
  await wrong(0, 1, '192.0.2.1')
  await expect(store.accounts.byPassword('admin', PASSWORD, '192.0.2.1')).rejects.toMatchObject(limited)
  await expect(store.accounts.signIn('admin', 'wrong 11', '192.0.2.1')).rejects.toMatchObject(limited)
  // From elsewhere, and with a token, the same person is let in.
  const { token } = await store.accounts.signIn('admin', PASSWORD, '192.0.2.2')
  expect(await store.accounts.byToken(token)).not.toBeNull()
  clock += WINDOW_MS - 60_000
  expect(await store.accounts.byPassword('admin', PASSWORD, '192.0.2.1')).not.toBeNull()
})

test('another replica counts the same', async () => {
  await noted(10, '192.0.2.1')
  const replica = await openStore({ url: store.pool.options.connectionString!, now })
  await expect(replica.accounts.byPassword('admin', PASSWORD, '192.0.2.1')).rejects.toMatchObject(limited)
  await replica.close()
})

test('a password that is known to be wrong is not counted again: a client that repeats it locks nobody out', async () => {
  for (let n = 0; n < 30; n++) {
    expect(await store.accounts.byPassword('admin', 'an old one', '192.0.2.1')).toBeNull()
  }
  expect(await store.accounts.byPassword('admin', PASSWORD, '192.0.2.1')).not.toBeNull()
})

test('guesses sent at once are counted before the next is compared', async () => {
  await noted(7, '192.0.2.1')
  const guesses = Array.from({ length: 20 }, (_, n) =>
    store.accounts.byPassword('admin', `wrong ${n}`, '192.0.2.1').then(
      () => 'compared',
      (error: { code: string }) => error.code,
    ),
  )
  const answers = await Promise.all(guesses)
  // Two are compared at a time.
  expect(answers.filter((answer) => answer === 'compared').length).toBeLessThanOrEqual(4)
  expect(new Set(answers)).toEqual(new Set(['compared', 'rate_limited']))
})

test.each([
  [
    'one account, from anywhere',
    (n: number) => ({ username: 'admin', address: `192.0.2.${n}` }),
    ['admin', '198.51.100.1'],
  ],
  [
    'one address, whatever account',
    (n: number) => ({ username: `nobody-${n}`, address: '192.0.2.1' }),
    ['admin', '192.0.2.1'],
  ],
] as const)('a hundred for %s', async (_, attempt, next) => {
  const failures = failedSignIns(store.pool, now)
  for (let n = 0; n < 100; n++) {
    const { username, address } = attempt(n)
    await failures.note({ username, personId: username === 'admin' ? admin : null, address })
  }
  const [username, address] = next
  await expect(store.accounts.byPassword(username, PASSWORD, address)).rejects.toMatchObject(limited)
})

test('who asks for a change of password is counted as well', async () => {
  const { token } = await store.accounts.signIn('admin', PASSWORD)
  const actor = (await store.accounts.byToken(token))!
  const change = store.accounts.changePassword(actor, { current: 'wrong one', next: 'another one' })
  await expect(change).rejects.toMatchObject({ code: 'credentials_invalid' })
  expect(await counters()).toEqual([{ key: `account ${admin}`, count: 1 }])
})

test('nothing that was typed is kept: an unknown name may be a password', async () => {
  expect(await store.accounts.byPassword('my secret passphrase', 'x'.repeat(8), '192.0.2.1')).toBeNull()
  expect(JSON.stringify(await counters())).not.toContain('secret')
})

test('the log has one entry a window, whoever tried and however often', async () => {
  await noted(3, '192.0.2.1')
  await wrong(3, 4, '192.0.2.2')
  expect(await store.accounts.byPassword('nobody', 'whatever', '192.0.2.2')).toBeNull()
  await worker.accounts.reportFailedSignIns()
  expect(await entries()).toBe(0)
  const since = new Date(clock - 60_000)
  clock += WINDOW_MS
  await Promise.all([worker.accounts.reportFailedSignIns(), worker.accounts.reportFailedSignIns()])
  expect(await entries()).toBe(1)
  const { rows } = await store.pool.query(
    `select e.actor, e.subjects, convert_from(p.payload, 'utf8')::json as payload
     from audit_entry e join audit_payload p on p.entry_id = e.id where e.type = 'sign_in.failed'`,
  )
  expect(rows).toEqual([
    {
      actor: 'system',
      subjects: [`person:${admin}`],
      payload: {
        since: since.toISOString(),
        until: new Date(since.getTime() + WINDOW_MS).toISOString(),
        failures: 5,
        people: 1,
        unknownNames: 1,
        addresses: 2,
        mostTried: [{ person: admin, failures: 4 }],
        mostTrying: [
          { address: '192.0.2.1', failures: 3 },
          { address: '192.0.2.2', failures: 2 },
        ],
      },
    },
  ])
  expect(await counters()).toEqual([])
})

test('an entry is as small after a flood', async () => {
  const failures = failedSignIns(store.pool, now)
  const notes = Array.from({ length: 200 }, (_, n) =>
    failures.note({ username: `user-${n}`, personId: null, address: `192.0.2.${n}` }),
  )
  await Promise.all(notes)
  clock += WINDOW_MS
  await worker.accounts.reportFailedSignIns()
  const { rows } = await store.pool.query<{
    size: number
    payload: { failures: number; mostTrying: unknown[] }
  }>(
    `select convert_from(p.payload, 'utf8')::json as payload
     from audit_entry e join audit_payload p on p.entry_id = e.id where e.type = 'sign_in.failed'`,
  )
  expect(rows[0]?.payload).toMatchObject({ failures: 200, addresses: 200 })
  expect(rows[0]?.payload.mostTrying).toHaveLength(20)
})
