import { createHash } from 'node:crypto'
import { OCI_CONFIG, OCI_MANIFEST, parseManifest } from '@sluice/oci'
import { cloneDatabase, testPostgres } from '@sluice/testkit'
import { Client, DatabaseError } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Actor, newId, openStore, prepareDatabase, type Store } from './index.ts'

// What Postgres refuses to the very roles that api and worker sign in with, whatever they ask.

let database: Awaited<ReturnType<typeof cloneDatabase>>
let store: Store
let clients: Record<'api' | 'worker' | 'owner', Client>
/** Ids and digests that the statements below name as `:name`. */
const known: Record<string, string> = {}

beforeAll(async () => {
  database = await cloneDatabase()
  // A database's own rights are not copied with its template.
  await prepareDatabase({ ownerUrl: database.ownerUrl, passwords: (await testPostgres()).passwords })
  const connect = (connectionString: string) => new Client({ connectionString })
  clients = {
    api: connect(database.apiUrl),
    worker: connect(database.workerUrl),
    owner: connect(database.ownerUrl),
  }
  await Promise.all(Object.values(clients).map((client) => client.connect()))
  store = await openStore({ url: database.apiUrl })
  await furnish()
}, 60_000)

afterAll(async () => {
  await store.close()
  await Promise.all(Object.values(clients).map((client) => client.end()))
  await database.drop()
})

/** Feeds, persons, a request that waits, one that is approved and runs, and one that was promoted. */
async function furnish(): Promise<void> {
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
  await promote(known['done_run']!, known['done']!)
  await clients.worker.query(fill(PASSED, { request: known['running']! }))
  await clients.worker.query(fill(RUN, { promotion: known['run']! }))
  known['to'] = (
    await clients.owner.query<{ id: string }>('select id from repository where feed_id = $1', [trusted.id])
  ).rows[0]!.id
}

const RUN = `update promotion set state = 'RUNNING', locked_by = 'w1', lease_until = now() + interval '1 hour' where id = :promotion`
/** What the worker found when an attempt started. */
const report = (verdicts: Readonly<Record<string, string>>, request = ':request', phase = 'start') => {
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
async function promote(promotion: string, request: string): Promise<void> {
  const names = { promotion, request, done_entry: newId() }
  for (const sql of [
    PASSED,
    RUN,
    STAGE,
    entry(':done_entry', 'system', `promotion:${promotion}`),
    `select admit(:promotion, 1, 'w1', :done_entry)`,
  ]) {
    await clients.worker.query(fill(sql, names))
  }
}

/** Inserts an audit entry that Postgres accepts. */
function entry(id: string, actor: string, ...subjects: string[]): string {
  const said = { v: 1, type: 'forged', at: '2026-01-01T00:00:00.000Z', actor, subjects }
  return `insert into audit_entry (id, bytes, leaf, type, at, actor, subjects)
          values (${id}, convert_to('${JSON.stringify(said)}', 'UTF8'), '', 'other', now(), 'nobody', '{}')`
}

function fill(sql: string, names: Record<string, string>): string {
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
async function refusal(role: 'api' | 'worker' | 'owner', statements: readonly string[]): Promise<string> {
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

const DENIED = '42501'
const TAKEN = '23505'
type Attack = readonly [
  what: string,
  role: 'api' | 'worker' | 'owner',
  refused: string,
  ...statements: string[],
]

describe('the right way', () => {
  test('invariant 1: admit let in what was approved: admission, closure, tag and move', async () => {
    const { rows } = await clients.api.query(
      `select t.name, t.digest, rm.admission_id = a.id as named, m.promotion_id, p.state
       from tag t join admission a on a.repository_id = t.repository_id and a.digest = t.digest
       join repository_manifest rm on rm.repository_id = t.repository_id and rm.digest = t.digest
       join tag_move m on m.repository_id = t.repository_id and m.tag = t.name
       join promotion p on p.id = a.promotion_id where t.repository_id = $1`,
      [known['to']],
    )
    expect(rows).toEqual([
      {
        name: '1.0.0',
        digest: known['done_digest'],
        named: true,
        promotion_id: known['done_run'],
        state: 'SUCCEEDED',
      },
    ])
  })

  test('an entry says what its bytes say', async () => {
    const { rows } = await clients.api.query(
      `select type, actor, subjects, leaf = sha256('\\x00'::bytea || bytes) as leaf from audit_entry where type = 'forged'`,
    )
    expect(rows).toEqual([
      { type: 'forged', actor: 'system', subjects: [`promotion:${known['done_run']}`], leaf: true },
    ])
  })
})

const TRUSTED: Attack[] = [
  [
    'a tag',
    'api',
    'trusted_feed',
    `insert into tag (repository_id, name, digest) values (:to, 'x', :done_digest)`,
  ],
  [
    'a manifest',
    'api',
    'trusted_feed',
    `insert into repository_manifest (repository_id, digest, media_type) values (:to, :digest, 'm')`,
  ],
  [
    'a blob',
    'api',
    'trusted_feed',
    `insert into repository_blob (repository_id, digest) values (:to, :config)`,
  ],
  [
    'a blob into a repository made in the same statement',
    'api',
    'trusted_feed',
    `with r as (insert into repository (id, feed_id, name) values (:id, :trusted, 'new') returning id)
     insert into repository_blob (repository_id, digest) select id, :config from r`,
  ],
  [
    'a manifest under an admission of another digest',
    'api',
    'trusted_feed',
    `insert into repository_manifest (repository_id, digest, media_type, admission_id)
     select :to, :digest, 'm', id from admission limit 1`,
  ],
  [
    'a tag move',
    'api',
    'trusted_feed',
    `insert into tag_move (repository_id, tag, to_digest, actor_id) values (:to, 'x', :digest, :alice)`,
  ],
  ['an admission, api', 'api', DENIED, `insert into admission select * from admission`],
  ['an admission, worker', 'worker', DENIED, `insert into admission select * from admission`],
  [
    'a manifest carried over',
    'api',
    'trusted_feed',
    `update repository_manifest set repository_id = :to where digest = :digest`,
  ],
  [
    'a blob carried over',
    'api',
    'trusted_feed',
    `update repository_blob set repository_id = :to where digest = :config`,
  ],
  ['a tag carried over', 'api', 'trusted_feed', `update tag set repository_id = :to where digest = :digest`],
  ['a tag moved', 'api', 'trusted_feed', `update tag set digest = :digest where repository_id = :to`],
  ['a tag removed', 'api', 'trusted_feed', `delete from tag where repository_id = :to`],
  ['a manifest removed', 'api', 'trusted_feed', `delete from repository_manifest where repository_id = :to`],
  ['a blob removed', 'api', 'trusted_feed', `delete from repository_blob where repository_id = :to`],
  [
    'a tag carried away',
    'api',
    'trusted_feed',
    `update tag set repository_id = :from where repository_id = :to`,
  ],
  [
    'a tag, worker',
    'worker',
    DENIED,
    `insert into tag (repository_id, name, digest) values (:to, 'x', :done_digest)`,
  ],
  ['a manifest, worker', 'worker', DENIED, `update repository_manifest set digest = :digest`],
  ['truncating', 'api', DENIED, `truncate tag`],
  [
    'a recall without the grant',
    'api',
    'recall_not_granted',
    entry(':entry', 'person:@alice', 'recall:@id'),
    `insert into recall (id, feed_id, digest, reason, recalled_by, entry_id)
     values (:id, :trusted, :done_digest, 'x', :alice, :entry)`,
  ],
  [
    'a recall of what was never let in',
    'api',
    'not_admitted',
    `insert into recall (id, feed_id, digest, reason, recalled_by, entry_id)
     values (:id, :trusted, :digest, 'x', :alice, :entry)`,
  ],
  [
    'a recall that is lifted already',
    'api',
    'recall_fixed',
    `insert into recall (id, feed_id, digest, reason, recalled_by, entry_id, lifted_at, lifted_by)
     values (:id, :trusted, :done_digest, 'x', :alice, :entry, now(), :done_run)`,
  ],
  ['a recall lifted, api', 'api', DENIED, `update recall set lifted_at = now(), lifted_by = :done_run`],
  ['a recall lifted, worker', 'worker', DENIED, `update recall set lifted_at = now(), lifted_by = :done_run`],
  ['a recall deleted', 'api', DENIED, `delete from recall`],
  [
    'a purge of what is not recalled',
    'api',
    'not_recalled',
    `insert into purge (id, recall_id, digest, reason, opened_by, entry_id)
     values (:id, :id, :done_digest, 'x', :alice, :entry)`,
  ],
  ['a purge confirmed past its function', 'api', DENIED, `update purge set confirmed_at = now()`],
  ['a purge by the worker', 'worker', DENIED, `select confirm_purge(:id, :alice, :entry)`],
  ['a tombstone taken away', 'api', DENIED, `delete from tombstone`],
  ['trusted switched off', 'api', 'trusted_fixed', `update feed set trusted = false where id = :trusted`],
  ['trusted switched on', 'api', 'trusted_fixed', `update feed set trusted = true where id = :dev`],
  ['a repository given away', 'api', DENIED, `update repository set feed_id = :dev where feed_id = :trusted`],
  ['a repository removed', 'api', DENIED, `delete from repository where feed_id = :trusted`],
  ['the name of trusted', 'api', TAKEN, `insert into feed_name values ('trusted', :dev, false)`],
  ['a former name', 'api', TAKEN, `insert into feed_name values ('dev', :trusted, false)`],
  ['a name given away', 'api', DENIED, `update feed_name set feed_id = :dev where name = 'trusted'`],
  ['a name freed', 'api', DENIED, `delete from feed_name where name = 'dev'`],
  [
    'a name given away, owner',
    'owner',
    'feed_name_reserved',
    `update feed_name set feed_id = :trusted where name = 'dev'`,
  ],
  ['a name freed, owner', 'owner', 'feed_name_reserved', `delete from feed_name where name = 'dev'`],
  [
    'a lane led elsewhere',
    'api',
    'lane_fixed',
    `update lane set to_feed_id = from_feed_id, from_feed_id = to_feed_id where id = :lane`,
  ],
  ['other bytes under a blob', 'api', DENIED, `update blob set storage_key = 'other' where digest = :config`],
  [
    'a quarantine lifted',
    'api',
    'blob_fixed',
    `update blob set quarantined_at = now()`,
    `update blob set quarantined_at = null`,
  ],
  ['another digest for bytes', 'api', DENIED, `update blob set digest = :digest`],
  ['other bytes under a manifest', 'api', DENIED, `update manifest set bytes = ''`],
  [
    'a manifest that is not its digest',
    'api',
    '23514',
    `insert into manifest (digest, bytes, kind) values ('sha256:' || repeat('0', 64), 'x', 'manifest')`,
  ],
]

const APPROVE = (person: string, bound = ':bound', request = ':waiting') =>
  `insert into approval (id, request_id, person_id, decision, bound_hash, entry_id)
   values (:id, ${request}, :${person}, 'approve', ${bound}, :entry)`
const ENTRY = (person: string, request = '@waiting') =>
  entry(':entry', `person:@${person}`, `request:${request}`)

const DECISIONS: Attack[] = [
  ['a wrong hash', 'api', 'binding_mismatch', ENTRY('bob'), APPROVE('bob', `repeat('0', 64)`)],
  ['by the requester', 'api', 'self_approval', ENTRY('alice'), APPROVE('alice')],
  ['without the grant', 'api', 'approve_not_granted', ENTRY('carol'), APPROVE('carol')],
  ['by a disabled person', 'api', 'person_disabled', ENTRY('dora'), APPROVE('dora')],
  [
    'by a robot',
    'api',
    '23503',
    ENTRY('robot'),
    `insert into access_grant values (:trusted, :robot, '{approve}')`,
    APPROVE('robot'),
  ],
  [
    'by whose password the requester knows',
    'api',
    'password_known_to_requester',
    `update credential set set_by = :alice where person_id = :bob`,
    ENTRY('bob'),
    APPROVE('bob'),
  ],
  ['without an entry', 'api', 'entry_missing', APPROVE('bob')],
  ['with the entry of another person', 'api', 'entry_missing', ENTRY('carol'), APPROVE('bob')],
  ['with the entry of another request', 'api', 'entry_missing', ENTRY('bob', '@running'), APPROVE('bob')],
  [
    'of a decided request',
    'api',
    'request_state',
    ENTRY('admin', '@running'),
    APPROVE('admin', ':running_bound', ':running'),
  ],
  ['by the worker', 'worker', DENIED, APPROVE('bob')],
  ['given to another', 'api', DENIED, `update approval set person_id = :admin`],
  ['removed', 'api', DENIED, `delete from approval`],
  [
    'revoked while it runs',
    'api',
    'already_committing',
    `update approval set revoked_at = now() where request_id = :running`,
  ],
  [
    'APPROVED without a quorum, api',
    'api',
    'quorum_missing',
    `update request set state = 'APPROVED' where id = :waiting`,
  ],
  [
    'APPROVED without a quorum, worker',
    'worker',
    'quorum_missing',
    `update request set state = 'APPROVED' where id = :waiting`,
  ],
  [
    'REJECTED without a rejection',
    'api',
    'request_state',
    `update request set state = 'REJECTED' where id = :waiting`,
  ],
  [
    'cancelled by the worker',
    'worker',
    'request_state',
    `update request set state = 'CANCELLED' where id = :waiting`,
  ],
  ['a longer life', 'api', DENIED, `update request set expires_at = 'infinity'`],
  ['another requester', 'api', DENIED, `update request set requester_persons = '{}'`],
  ['another requester, owner', 'owner', 'request_fixed', `update request set requester_persons = '{}'`],
  [
    'more in its closure',
    'api',
    'request_fixed',
    `insert into closure_member values (:waiting, 0, :config || 'x', 'blob', 'm', 1)`,
  ],
  ['another target', 'api', 'request_fixed', `insert into request_target values (:waiting, 0, 'latest')`],
  ['another target, moved', 'api', DENIED, `update request_target set tag = 'latest'`],
  ['fewer to approve', 'api', DENIED, `update lane_version set quorum = 1`],
  [
    'nobody to approve',
    'api',
    '23514',
    entry(':entry', 'person:@admin', 'lane:@lane'),
    `insert into lane_version (lane_id, version, policy, policy_hash, quorum, created_by, entry_id) values (:lane, 9, '{}', '', 0, :admin, :entry)`,
  ],
  [
    'a policy without an entry',
    'api',
    'entry_missing',
    `insert into lane_version (lane_id, version, policy, policy_hash, quorum, created_by, entry_id) values (:lane, 9, '{}', '', 1, :admin, :entry)`,
  ],
  [
    'a promotion of what waits',
    'api',
    'promotion_state',
    `insert into promotion (id, request_id, state) values (:id, :waiting, 'QUEUED')`,
  ],
  [
    'a second promotion',
    'api',
    TAKEN,
    `insert into promotion (id, request_id, state) values (:id, :running, 'QUEUED')`,
  ],
  ['SUCCEEDED, api', 'api', 'promotion_state', `update promotion set state = 'SUCCEEDED' where id = :run`],
  [
    'SUCCEEDED, worker',
    'worker',
    'promotion_state',
    `update promotion set state = 'SUCCEEDED' where id = :run`,
  ],
  [
    'again after the end',
    'worker',
    'promotion_state',
    `update promotion set state = 'QUEUED', attempt = 2 where id = :done_run`,
  ],
]

const RUN_ENTRY = entry(':entry', 'system', 'promotion:@run')
const STAGED = `insert into staged_member select :run, c.position, c.digest, c.kind, c.media_type, c.size, now() from closure_member c where c.request_id = :running`
const ADMIT = (attempt = 1, worker = 'w1') => `select admit(:run, ${attempt}, '${worker}', :entry)`

const AGAIN = `update promotion set state = 'QUEUED', attempt = 2, locked_by = null where id = :run`
const RUN_AGAIN = `update promotion set state = 'RUNNING', locked_by = 'w1' where id = :run`

const REPORTS: Attack[] = [
  ['of the start, by the api', 'api', 'gate_report_fixed', report({}, ':running')],
  ['of an approval, by the worker', 'worker', 'gate_report_fixed', report({}, ':running', 'approval')],
  ['of the creation, by the worker', 'worker', 'gate_report_fixed', report({}, ':running', 'creation')],
  ['once it runs', 'worker', 'promotion_state', report({}, ':running')],
  ['of what is not queued', 'worker', 'promotion_state', report({}, ':waiting')],
  ['changed', 'worker', DENIED, `update gate_report set report = '{}'`],
  ['removed, by the api', 'api', DENIED, `delete from gate_report`],
]

const ADMIT_ATTACKS: Attack[] = [
  ['by the api', 'api', DENIED, ADMIT()],
  ['of another attempt', 'worker', 'fenced', RUN_ENTRY, STAGED, ADMIT(2)],
  ['by another worker', 'worker', 'fenced', RUN_ENTRY, STAGED, ADMIT(1, 'w2')],
  ['of nothing', 'worker', 'fenced', `select admit(:id, 1, 'w1', :entry)`],
  ['twice', 'worker', 'fenced', RUN_ENTRY, STAGED, ADMIT(), ADMIT()],
  ['without an entry', 'worker', 'entry_missing', STAGED, ADMIT()],
  [
    'under the entry of another',
    'worker',
    'entry_missing',
    STAGED,
    entry(':entry', 'system', 'promotion:@done_run'),
    ADMIT(),
  ],
  ['without its closure', 'worker', 'closure_incomplete', RUN_ENTRY, ADMIT()],
  [
    'with a member that is not verified',
    'worker',
    'closure_incomplete',
    RUN_ENTRY,
    STAGED,
    `update staged_member set verified_at = null where kind = 'blob'`,
    ADMIT(),
  ],
  [
    'of an ended request',
    'worker',
    'request_state',
    RUN_ENTRY,
    STAGED,
    `update request set state = 'INVALIDATED' where id = :running`,
    ADMIT(),
  ],
  ['of gates that nobody evaluated', 'worker', 'gate_refused', AGAIN, RUN_AGAIN, RUN_ENTRY, STAGED, ADMIT(2)],
  ...(
    [
      ['that block', { quorum: 'pass', requester: 'pass', tests: 'block' }],
      ['that wait', { quorum: 'wait', requester: 'pass' }],
      ['that were left out', { quorum: 'pass' }],
      ['of a verdict that is none', { quorum: 'pass', requester: 'passed' }],
    ] as const
  ).map(
    ([what, verdicts]): Attack => [
      `of gates ${what}`,
      'worker',
      'gate_refused',
      AGAIN,
      report(verdicts, ':running'),
      RUN_AGAIN,
      RUN_ENTRY,
      STAGED,
      ADMIT(2),
    ],
  ),
  [
    'by the report of an earlier attempt',
    'worker',
    'gate_refused',
    AGAIN,
    report({ quorum: 'pass', requester: 'pass' }, ':running'),
    `update promotion set state = 'RUNNING', attempt = 3, locked_by = 'w1' where id = :run`,
    RUN_ENTRY,
    STAGED,
    ADMIT(3),
  ],
  [
    'of what the api found closed when it was approved',
    'owner',
    'gate_refused',
    report({ quorum: 'pass', requester: 'pass', tests: 'block' }, ':running', 'approval'),
    RUN_ENTRY,
    STAGED,
    ADMIT(),
  ],
  [
    'of what the api left out when it was approved',
    'owner',
    'gate_refused',
    report({ requester: 'pass' }, ':running', 'approval'),
    RUN_ENTRY,
    STAGED,
    ADMIT(),
  ],
  [
    'over a shadow of the tables',
    'worker',
    'fenced',
    `set role sluice_queue`,
    `create table bullmq.promotion as select :run::uuid as id, 'RUNNING' as state, 9 as attempt, 'w9' as locked_by`,
    `grant select on bullmq.promotion to public; reset role; set search_path = bullmq, public`,
    `select admit(:run, 9, 'w9', :entry)`,
  ],
]

const CREATE = `as $$ begin return null; end $$`
const POWERS: Attack[] = (['api', 'worker'] as const).flatMap((role): Attack[] => [
  [`${role}: a trigger disabled`, role, DENIED, `alter table tag disable trigger guard_membership`],
  [`${role}: replication role`, role, DENIED, `set session_replication_role = replica`],
  [`${role}: the owner's role`, role, DENIED, `set role sluice_owner`],
  [`${role}: the owner's session`, role, DENIED, `set session authorization sluice_owner`],
  [
    `${role}: the owner's membership`,
    role,
    DENIED,
    `grant sluice_owner to ${role === 'api' ? 'sluice_api' : 'sluice_worker'}`,
  ],
  [`${role}: the other's role`, role, DENIED, `set role ${role === 'api' ? 'sluice_worker' : 'sluice_api'}`],
  [`${role}: a temporary table`, role, DENIED, `create temporary table feed (id uuid, trusted boolean)`],
  [`${role}: a table`, role, DENIED, `create table public.feed_2 (id uuid)`],
  [`${role}: a schema`, role, DENIED, `create schema mine`],
  [
    `${role}: a function`,
    role,
    DENIED,
    `create function public.f() returns trigger language plpgsql security definer ${CREATE}`,
  ],
  [
    `${role}: another admit`,
    role,
    DENIED,
    `create or replace function public.refuse(code text, reason text) returns void language sql as 'select'`,
  ],
  [`${role}: a rule`, role, DENIED, `create rule r as on insert to audit_entry do instead nothing`],
  [`${role}: an entry changed`, role, DENIED, `update audit_entry set actor = 'x'`],
  [`${role}: an entry removed`, role, DENIED, `delete from audit_entry`],
  [`${role}: the log emptied`, role, DENIED, `truncate audit_entry cascade`],
  [`${role}: a migration forged`, role, DENIED, `update _prisma_migrations set checksum = ''`],
  [`${role}: a program`, role, DENIED, `copy (select 1) to program 'true'`],
])

const SECRETS: Attack[] = [
  ...['credential', 'token', 'identity', 'idempotency_key'].map(
    (table): Attack => [`worker: ${table}`, 'worker', DENIED, `select * from ${table}`],
  ),
  ['api: the queue', 'api', DENIED, `set role sluice_queue`],
]

const OWNER: Attack[] = [
  'audit_entry',
  'lane_version',
  'request_item',
  'request_target',
  'closure_member',
  'gate_report',
  'admission',
  'tag_move',
].flatMap((table): Attack[] => [
  [`${table} emptied`, 'owner', 'append_only', `truncate ${table} cascade`],
  [`${table} removed`, 'owner', 'append_only', `delete from ${table}`],
])

describe.each<[string, Attack[]]>([
  ['invariant 1: the trusted feed', TRUSTED],
  ['invariant 5: decisions', DECISIONS],
  ['what the gates said', REPORTS],
  ['invariants 2, 4, 8, 10: admit', ADMIT_ATTACKS],
  ['powers of the roles', POWERS],
  ['what the roles may not see', SECRETS],
  ['append-only, even to the superuser', OWNER],
])('%s', (_, attacks) => {
  for (const [what, role, refused, ...statements] of attacks) {
    test(`${what} (${role}): ${refused}`, async () => {
      expect(await refusal(role, statements)).toBe(refused)
    })
  }
})

test('invariant 10: what is added to a request by touching it first is never promoted', async () => {
  const api = clients.api
  await api.query('begin')
  await api.query(fill(`update request set decided_at = now() where id = :running`, known))
  await api.query(fill(`insert into request_target values (:running, 0, 'latest')`, known))
  await api.query('commit')
  expect(await refusal('worker', [RUN_ENTRY, STAGED, ADMIT()])).toBe('binding_mismatch')
})
