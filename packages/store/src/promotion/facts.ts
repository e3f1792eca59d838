import type { GateInput, GateReport, PlatformImage, StandingApproval } from '@sluice/promotion'
import type { JsonValue } from '@sluice/proof'
import type { Attached } from '../evidence/attached.ts'
import { itemFacts, ticketStates } from '../evidence/facts.ts'
import { newId } from '../id.ts'
import type { Transaction } from '../transaction.ts'
import { standingRecalls } from './recalled.ts'
import { type LockedRequest, readItems, readTargets } from './rows.ts'

/** What was found at creation and could be undone in the from feed afterwards. */
export interface FrozenFacts {
  readonly pusherPersons: readonly string[]
  /** By the item's position; RFC 3339. */
  readonly pushedAt: readonly string[]
  /** By the item's position: the images that gates look at one by one. */
  readonly images?: readonly (readonly PlatformImage[])[]
}

/** Evidence beside an image that a report rests on and that is not stored: the worker, which found it, stores none. */
interface FoundFact {
  readonly id: string
  readonly subject: string
  readonly sha256: string
  readonly type: string
}

interface StoredReport {
  readonly gates: readonly GateReport[]
  readonly facts?: FrozenFacts
  readonly found?: readonly FoundFact[]
}

/**
 * What the gates look at for a request that exists.
 * @param attached what hangs on its images now and is not stored yet
 */
export async function gateInput(
  tx: Transaction,
  request: LockedRequest,
  attached?: Attached,
): Promise<GateInput> {
  const facts = await frozenFacts(tx, request.id)
  const items = await readItems(tx, request.id)
  const targets = await readTargets(tx, request)
  const imaged = items.map(({ position, digest }) => ({
    digest,
    platforms: facts.images?.[position] ?? [{ platform: null, digest }],
  }))
  const found = await itemFacts(tx, request.policy, imaged, attached)
  return {
    policy: request.policy,
    now: request.now,
    kind: request.kind,
    recalls: await standingRecalls(
      tx,
      request.toFeedId,
      items.map(({ sourceRepository, digest }) => ({ source: `${sourceRepository}@${digest}`, digest })),
    ),
    requesterPersons: request.requesterPersons,
    pusherPersons: facts.pusherPersons,
    approvals: await standingApprovals(tx, request),
    tickets: await ticketStates(tx, request.policy, request.id),
    items: items.map(({ position, sourceRepository, digest }, i) => ({
      ...(found[i] ?? { evidence: [], unread: [], reached: [] }),
      digest,
      platforms: imaged[i]?.platforms ?? [],
      source: `${sourceRepository}@${digest}`,
      targetTags: targets.filter((target) => target.position === position).map(({ tag }) => tag),
      pushedAt: new Date(facts.pushedAt[position] ?? request.now),
    })),
  }
}

/** The decisions on this very binding that stand, of persons who can sign in. */
async function standingApprovals(
  tx: Transaction,
  { id, boundHash, createdAt }: LockedRequest,
): Promise<StandingApproval[]> {
  return tx.$queryRaw<StandingApproval[]>`
    select a.person_id as "personId", a.decision,
      array(select g.name from groups_at(a.person_id, ${createdAt}) g) as groups
    from approval a join person p on p.id = a.person_id
    where a.request_id = ${id}::uuid and a.revoked_at is null and a.bound_hash = ${boundHash} and p.disabled_at is null
    order by a.at, a.id`
}

/** The groups that a person is in and was in when the request was made. */
export async function groupsOf(
  tx: Transaction,
  personId: string,
  { createdAt }: LockedRequest,
): Promise<string[]> {
  const rows = await tx.$queryRaw<{ name: string }[]>`
    select g.name from groups_at(${personId}::uuid, ${createdAt}) g`
  return rows.map(({ name }) => name)
}

/** Every person behind these principals: itself, or who made the robot. */
export async function personsBehind(tx: Transaction, principals: readonly string[]): Promise<string[]> {
  const rows = await tx.$queryRaw<{ id: string }[]>`
    select id from person where id = any (${[...principals]}::uuid[])
    union select created_by from robot where id = any (${[...principals]}::uuid[])`
  return rows.map(({ id }) => id).sort()
}

export async function frozenFacts(tx: Transaction, requestId: string): Promise<FrozenFacts> {
  const [row] = await tx.$queryRaw<{ report: StoredReport }[]>`
    select report from gate_report where request_id = ${requestId}::uuid and phase = 'creation' order by at, id limit 1`
  return row?.report.facts ?? { pusherPersons: [], pushedAt: [] }
}

/** Keeps what the gates said, with the inputs they said it on. */
export async function recordGates(
  tx: Transaction,
  requestId: string,
  phase: 'creation' | 'approval' | 'start',
  gates: readonly GateReport[],
  { facts, attached }: { readonly facts?: FrozenFacts; readonly attached?: Attached } = {},
): Promise<void> {
  const found = attached?.found.map(({ id, subject, sha256, type }) => ({ id, subject, sha256, type })) ?? []
  const report: StoredReport = { gates, ...(facts && { facts }), ...(found.length > 0 && { found }) }
  await tx.$executeRaw`insert into gate_report (id, request_id, phase, report)
    values (${newId()}::uuid, ${requestId}::uuid, ${phase}, ${JSON.stringify(report)}::jsonb)`
}

/** Gate reports as an entry's payload carries them. */
export function gatesAsJson(gates: readonly GateReport[]): JsonValue {
  return gates.map(({ gate, verdict, reasons }) => ({ gate, verdict, reasons }))
}
