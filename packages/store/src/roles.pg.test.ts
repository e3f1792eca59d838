import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Attack, DENIED, describeAttacks, entry, openRoles, type Roles, TAKEN } from './test-roles.ts'

// What Postgres refuses to the very roles that api and worker sign in with, whatever they ask.

let known: Roles['known']
let clients: Roles['clients']
let roles: Roles
beforeAll(async () => {
  roles = await openRoles()
  ;({ known, clients } = roles)
}, 60_000)
afterAll(() => roles.close())

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

describeAttacks(
  [
    ['invariant 1: the trusted feed', TRUSTED],
    ['powers of the roles', POWERS],
    ['what the roles may not see', SECRETS],
    ['append-only, even to the superuser', OWNER],
  ],
  () => roles,
)
