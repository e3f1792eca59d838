import { createHash } from 'node:crypto'
import { OCI_CONFIG, OCI_MANIFEST, parseManifest } from '@sluice/oci'
import { cloneDatabase, testPostgres } from '@sluice/testkit'
import { Client, DatabaseError } from 'pg'
import { describe, expect, test } from 'vitest'
import { type Actor, newId, openStore, prepareDatabase, type Store } from './index.ts'

export type Role = 'api' | 'worker' | 'owner'

interface Opened {
  readonly store: Store
  readonly clients: Readonly<Record<Role, Client>>
  /** Ids and digests that statements name as `:name`. */
  readonly known: Record<string, string>
}

/** A furnished database, and the very roles that api and worker sign in with. */
export async function openRoles() {
  const database = await cloneDatabase()
  // A database's own rights are not copied with its template.
  await prepareDatabase({ ownerUrl: database.ownerUrl, passwords: (await testPostgres()).passwords })
  const connect = (connectionString: string) => new Client({ connectionString })
  const clients = {
    api: connect(database.apiUrl),
    worker: connect(database.workerUrl),
    owner: connect(database.ownerUrl),
  }
  await Promise.all(Object.values(clients).map((client) => client.connect()))
  const store = await openStore({ url: database.apiUrl })
  const opened: Opened = { store, clients, known: {} }
  await furnish(opened)
  return {
    ...opened,
    refusal: (role: Role, statements: readonly string[]) => refusal(opened, role, statements),
    async close(): Promise<void> {
      await store.close()
      await Promise.all(Object.values(clients).map((client) => client.end()))
      await database.drop()
    },
  }
}

export type Roles = Awaited<ReturnType<typeof openRoles>>

export type Attack = readonly [what: string, role: Role, refused: string, ...statements: string[]]

export const DENIED = '42501'
export const TAKEN = '23505'

/** Each attack is a test of its own. */
export function describeAttacks(attacksOn: readonly [string, Attack[]][], roles: () => Roles): void {
  describe.each<[string, Attack[]]>([...attacksOn])('%s', (_, attacks) => {
    for (const [what, role, refused, ...statements] of attacks) {
      test(`${what} (${role}): ${refused}`, async () => {
        expect(await roles().refusal(role, statements)).toBe(refused)
      })
    }
  })
}

/** Feeds, persons, a request that waits, one that is approved and runs, and one that was promoted. */
async function furnish({ store, clients, known }: Opened): Promise<void> {
  const { accounts, feeds, requests } = store
  await accounts.seed({ adminPassword: 'the first one' })
  const admin = (await accounts.byPassword('admin', 'the first one'))!
  const person = async (username: string): Promise<Actor> => {
    await accounts.users.create(admin, { username, password: `${username}-password` })
    return (await accounts.byPassword(username, `${username}-password`))!
  }
  const [alice, bob, carol, dora] = [
    await person('alice'),
    await person('bob'),
    await person('carol'),
    await person('dora'),
  ]
  await accounts.users.remove(admin, 'dora')
  const { secret } = await accounts.tokens.create(alice, { name: 'ci', scopes: ['*'], robot: 'builder' })
  const robot = (await accounts.byToken(secret))!
  const [dev, trusted] = [await feeds.get('dev'), await feeds.get('trusted')]
  const approvers = ['bob', 'admin', 'dora', 'alice'].map((name) => ({
    principal: name,
    verbs: ['approve', 'request', 'pull'],
  }))
  await feeds.putGrants(admin, trusted.id, approvers)
  await feeds.patch(admin, 'dev', { name: 'early' })
  const feed = (await store.feedIndex.findFeed('early'))!
  const push = async (tag: string): Promise<string> => {
    const config = Buffer.from(JSON.stringify({ tag }))
    const address = { feed, repository: 'team/app' }
    const storageKey = newId()
    const upload = await store.feedIndex.openUpload(address, storageKey, alice.principalId)
    const claim = (await store.feedIndex.claimUpload(upload.id, 0, 60_000))!
    const layer = { mediaType: OCI_CONFIG, digest: sha256(config), size: config.length }
    await store.feedIndex.finishUpload(claim, { digest: layer.digest, size: layer.size, storageKey })
    const bytes = Buffer.from(
      JSON.stringify({ schemaVersion: 2, mediaType: OCI_MANIFEST, config: layer, layers: [] }),
    )
    const manifest = parseManifest(bytes, OCI_MANIFEST)
    const digest = sha256(bytes)
    await store.feedIndex.putManifest({
      address,
      manifest,
      digest,
      tags: [tag],
      principalId: alice.principalId,
    })
    known['config'] = layer.digest
    return digest
  }
  const ask = async (tag: string) => {
    const digest = await push(tag)
    const { request } = await requests.create(alice, {
      lane: 'dev-to-trusted',
      items: [{ image: `team/app:${tag}` }],
    })
    return { id: request.id, digest }
  }
  const [done, running, waiting] = [await ask('1.0.0'), await ask('2.0.0'), await ask('3.0.0')]
  for (const { id, digest } of [done, running]) await requests.approve(bob, id, { digest })
  const { rows } = await clients.owner.query<{ id: string; bound: string }>(
    'select id, bound_hash as bound from request where id = any ($1) order by id',
    [[done.id, running.id, waiting.id]],
  )
  const promotion = async (request: string) =>
    (await clients.owner.query<{ id: string }>('select id from promotion where request_id = $1', [request]))
      .rows[0]!.id
  const ids = await clients.owner.query<{ from: string; lane: string }>(
    `select r.id as "from", l.id as lane from repository r, lane l where r.name = 'team/app' and r.feed_id = $1`,
    [dev.id],
  )
  Object.assign(known, {
    admin: admin.principalId,
    alice: alice.principalId,
    bob: bob.principalId,
    carol: carol.principalId,
    dora: dora.principalId,
    robot: robot.principalId,
    dev: dev.id,
    trusted: trusted.id,
    from: ids.rows[0]!.from,
    lane: ids.rows[0]!.lane,
    done: done.id,
    done_digest: done.digest,
    running: running.id,
    waiting: waiting.id,
    digest: waiting.digest,
    bound: rows[2]!.bound,
    running_bound: rows[1]!.bound,
    done_run: await promotion(done.id),
    run: await promotion(running.id),
    id: newId(),
    entry: newId(),
  })
  await promote(clients.worker, known['done_run']!, known['done']!)
  await clients.worker.query(fill(PASSED, { request: known['running']! }))
  await clients.worker.query(fill(RUN, { promotion: known['run']! }))
  known['to'] = (
    await clients.owner.query<{ id: string }>('select id from repository where feed_id = $1', [trusted.id])
  ).rows[0]!.id
}

const RUN = `update promotion set state = 'RUNNING', locked_by = 'w1', lease_until = now() + interval '1 hour' where id = :promotion`
/** What the worker found when an attempt started. */
export const report = (verdicts: Readonly<Record<string, string>>, request = ':request', phase = 'start') => {
  const gates = Object.entries(verdicts).map(([gate, verdict]) => ({
    gate,
    verdict,
    reasons: [],
    until: null,
  }))
  return `insert into gate_report (id, request_id, phase, report)
    values (gen_random_uuid(), ${request}, '${phase}', '${JSON.stringify({ gates })}')`
}
const PASSED = report({ quorum: 'pass', requester: 'pass' })
const STAGE = `insert into staged_member select :promotion, c.position, c.digest, c.kind, c.media_type, c.size, now()
               from closure_member c where c.request_id = :request`

/** The whole right way, as the worker, in plain SQL: what is refused below is not refused for another reason. */
async function promote(worker: Client, promotion: string, request: string): Promise<void> {
  const names = { promotion, request, done_entry: newId() }
  for (const sql of [
    PASSED,
    RUN,
    STAGE,
    entry(':done_entry', 'system', `promotion:${promotion}`),
    `select admit(:promotion, 1, 'w1', :done_entry)`,
  ]) {
    await worker.query(fill(sql, names))
  }
}

/** Inserts an audit entry that Postgres accepts. */
export function entry(id: string, actor: string, ...subjects: string[]): string {
  const said = { v: 1, type: 'forged', at: '2026-01-01T00:00:00.000Z', actor, subjects }
  return `insert into audit_entry (id, bytes, leaf, type, at, actor, subjects)
          values (${id}, convert_to('${JSON.stringify(said)}', 'UTF8'), '', 'other', now(), 'nobody', '{}')`
}

export function fill(sql: string, names: Record<string, string>): string {
  // Within a quoted text the bare value, elsewhere a literal.
  return sql
    .replace(/@(\w+)/g, (whole, name: string) => names[name] ?? whole)
    .replace(/(?<!:):([a-z_]+)\b/g, (whole, name: string) =>
      names[name] === undefined ? whole : `'${names[name]}'`,
    )
}

function sha256(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
}

/** What the last of the statements is refused with: our code, or else the SQLSTATE. Nothing stays. */
async function refusal(
  { clients, known }: Opened,
  role: Role,
  statements: readonly string[],
): Promise<string> {
  const client = clients[role]
  await client.query('begin')
  try {
    for (const statement of statements.slice(0, -1)) await client.query(fill(statement, known))
    await client.query(fill(statements.at(-1)!, known))
    return 'accepted'
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error
    return error.code === 'SL001' ? error.message : (error.code ?? 'no code')
  } finally {
    await client.query('rollback')
    await client.query('reset all; reset role')
  }
}
