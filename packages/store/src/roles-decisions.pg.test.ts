import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  type Attack,
  DENIED,
  describeAttacks,
  entry,
  fill,
  openRoles,
  report,
  type Roles,
  TAKEN,
} from './test-roles.ts'

// What Postgres refuses to the same roles of what leads to a promotion: decisions, what the gates said, admit.

let known: Roles['known']
let clients: Roles['clients']
let refusal: Roles['refusal']
let roles: Roles
beforeAll(async () => {
  roles = await openRoles()
  ;({ known, clients, refusal } = roles)
}, 60_000)
afterAll(() => roles.close())

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

describeAttacks(
  [
    ['invariant 5: decisions', DECISIONS],
    ['what the gates said', REPORTS],
    ['invariants 2, 4, 8, 10: admit', ADMIT_ATTACKS],
  ],
  () => roles,
)
test('invariant 10: what is added to a request by touching it first is never promoted', async () => {
  const api = clients.api
  await api.query('begin')
  await api.query(fill(`update request set decided_at = now() where id = :running`, known))
  await api.query(fill(`insert into request_target values (:running, 0, 'latest')`, known))
  await api.query('commit')
  expect(await refusal('worker', [RUN_ENTRY, STAGED, ADMIT()])).toBe('binding_mismatch')
})
