import { type Policy, policyHash, quorumOf } from '@sluice/promotion'
import type { JsonObject } from '@sluice/proof'
import { appendEntry } from '../audit/entry.ts'
import { StoreError } from '../errors.ts'
import { requireReachable } from '../evidence/reach.ts'
import { newId } from '../id.ts'
import type { Transaction } from '../transaction.ts'
import { invalidateOlder } from './invalidate.ts'

/** What is to become of a locked lane. */
export type Change =
  | { readonly kind: 'create' | 'put'; readonly policy: Policy; readonly invalidate: boolean }
  | { readonly kind: 'remove' }

export interface LockedLane {
  readonly id: string
  readonly name: string
  readonly toFeedId: string
}

/**
 * Makes the change, or, for a lane into a trusted feed where there is more than one administrator, leaves it
 * for another one to confirm.
 * @throws StoreError change_pending, invalid (policy)
 */
export async function change(
  tx: Transaction,
  lane: LockedLane,
  wanted: Change,
  author: string,
): Promise<'made' | 'proposed'> {
  const [open] = await tx.$queryRaw<{ id: string }[]>`
    select id from lane_change where lane_id = ${lane.id}::uuid and confirmed_at is null and withdrawn_at is null`
  if (open !== undefined) {
    throw new StoreError(
      'change_pending',
      `a change of ${lane.name} waits for a second administrator (${open.id}); confirm or withdraw it first`,
      { detail: { change: open.id } },
    )
  }
  if (wanted.kind !== 'remove') {
    await requirePushersKnown(tx, wanted.policy, lane.id)
    await requireReachable(tx, wanted.policy, lane.toFeedId)
  }
  const [row] = await tx.$queryRaw<{ needed: boolean }[]>`
    select needs_second_admin(${lane.id}::uuid) as needed`
  if (row?.needed !== true) {
    await make(tx, lane, wanted, author, null)
    return 'made'
  }
  const id = newId()
  const policy = wanted.kind === 'remove' ? null : jsonOf(wanted.policy)
  const invalidate = wanted.kind !== 'remove' && wanted.invalidate
  const entryId = await appendEntry(tx, {
    type: 'lane.change_proposed',
    actor: `person:${author}`,
    subjects: [`lane:${lane.id}`, `lane-change:${id}`],
    payload: { name: lane.name, kind: wanted.kind, policy, invalidate },
  })
  await tx.$executeRaw`
    insert into lane_change (id, lane_id, kind, policy, policy_hash, invalidate, proposed_by, entry_id)
    values (${id}::uuid, ${lane.id}::uuid, ${wanted.kind}, ${policy === null ? null : JSON.stringify(policy)}::jsonb,
      ${wanted.kind === 'remove' ? null : policyHash(wanted.policy)}, ${invalidate}, ${author}::uuid, ${entryId}::uuid)`
  return 'proposed'
}

/** A registry elsewhere does not say who pushed. @throws StoreError invalid */
async function requirePushersKnown(tx: Transaction, policy: Policy, laneId: string): Promise<void> {
  if (policy.gates.pusher !== 'excluded') return
  const [remote] = await tx.$queryRaw<unknown[]>`
    select from lane l join feed f on f.id = l.from_feed_id and f.kind <> 'hosted' where l.id = ${laneId}::uuid`
  if (remote === undefined) return
  throw new StoreError(
    'invalid',
    'who pushed to a remote or proxy feed is not known, and so cannot be excluded',
    {
      field: 'policy.gates.pusher',
    },
  )
}

interface OpenChange {
  readonly kind: Change['kind']
  readonly policy: Policy | null
  readonly invalidate: boolean
  readonly proposedBy: string
}

/**
 * Makes a proposed change, as another administrator. Answers what kind it was.
 * @throws StoreError not_found, and Postgres's second_admin_needed, password_known_to_requester
 */
export async function confirm(
  tx: Transaction,
  lane: LockedLane,
  id: string,
  author: string,
): Promise<Change['kind']> {
  const { kind, policy, invalidate, proposedBy } = await lockOpen(tx, lane, id)
  const entryId = await appendEntry(tx, {
    type: 'lane.change_confirmed',
    actor: `person:${author}`,
    subjects: [`lane:${lane.id}`, `lane-change:${id}`],
    payload: { name: lane.name, kind, proposedBy },
  })
  await tx.$executeRaw`
    update lane_change set confirmed_by = ${author}::uuid, confirmed_at = now(), confirm_entry_id = ${entryId}::uuid
    where id = ${id}::uuid`
  const wanted: Change =
    kind === 'remove' || policy === null ? { kind: 'remove' } : { kind, policy, invalidate }
  await make(tx, lane, wanted, author, id)
  return kind
}

/** Takes a proposed change back; a lane that was only proposed is gone with it. @throws StoreError not_found */
export async function withdraw(tx: Transaction, lane: LockedLane, id: string, author: string): Promise<void> {
  const { kind } = await lockOpen(tx, lane, id)
  await appendEntry(tx, {
    type: 'lane.change_withdrawn',
    actor: `person:${author}`,
    subjects: [`lane:${lane.id}`, `lane-change:${id}`],
    payload: { name: lane.name, kind },
  })
  await tx.$executeRaw`update lane_change set withdrawn_at = now() where id = ${id}::uuid`
  if (kind === 'create') await tx.lane.update({ where: { id: lane.id }, data: { deletedAt: new Date() } })
}

async function lockOpen(tx: Transaction, { id: laneId, name }: LockedLane, id: string): Promise<OpenChange> {
  const [open] = await tx.$queryRaw<OpenChange[]>`
    select kind, policy, invalidate, proposed_by as "proposedBy" from lane_change
    where id = ${id}::uuid and lane_id = ${laneId}::uuid and confirmed_at is null and withdrawn_at is null for update`
  if (open === undefined) throw new StoreError('not_found', `no change ${id} of ${name} waits`)
  return open
}

async function make(
  tx: Transaction,
  lane: LockedLane,
  wanted: Change,
  author: string,
  changeId: string | null,
): Promise<void> {
  if (wanted.kind === 'remove') {
    await tx.lane.update({ where: { id: lane.id }, data: { deletedAt: new Date() } })
    await appendEntry(tx, {
      type: 'lane.removed',
      actor: `person:${author}`,
      subjects: [`lane:${lane.id}`],
      payload: { name: lane.name },
    })
    return
  }
  const { kind, policy, invalidate } = wanted
  const latest = await tx.laneVersion.findFirst({ where: { laneId: lane.id }, orderBy: { version: 'desc' } })
  const version = (latest?.version ?? 0) + 1
  const entryId = await appendEntry(tx, {
    type: kind === 'create' ? 'lane.created' : 'lane.changed',
    actor: `person:${author}`,
    subjects: [`lane:${lane.id}`, ...(changeId === null ? [] : [`lane-change:${changeId}`])],
    payload: { name: lane.name, version, policy: jsonOf(policy), policyHash: policyHash(policy), invalidate },
  })
  await tx.laneVersion.create({
    data: {
      laneId: lane.id,
      version,
      policy: jsonOf(policy),
      policyHash: policyHash(policy),
      quorum: quorumOf(policy),
      createdBy: author,
      entryId,
      changeId,
    },
  })
  if (invalidate) await invalidateOlder(tx, { laneId: lane.id, version, actor: `person:${author}` })
}

function jsonOf(policy: Policy): JsonObject & object {
  return JSON.parse(JSON.stringify(policy))
}
