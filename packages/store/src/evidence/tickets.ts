import { appendEntry } from '../audit/entry.ts'
import { StoreError } from '../errors.ts'
import { newId } from '../id.ts'
import { lockRequest } from '../promotion/rows.ts'
import type { Transaction } from '../transaction.ts'

/** What a ticket system said; its signature was verified. */
export interface SaidOfTicket {
  readonly ticket: string
  readonly state: string
  readonly at: Date
  /** The key of the lane that it was signed with. */
  readonly key: string
}

/** How far the clock of a ticket system may be ahead. Milliseconds. */
const AHEAD = 300_000

/**
 * Records what a signed callback said. The same thing said twice is recorded once.
 * @throws StoreError not_found, request_state, request_expired, invalid (`at` in the future)
 */
export async function recordTicket(tx: Transaction, requestId: string, said: SaidOfTicket): Promise<void> {
  const request = await lockRequest(tx, requestId)
  if (request.state !== 'PENDING' && request.state !== 'APPROVED') {
    throw new StoreError('request_state', `the request is ${request.state} and waits for no ticket`)
  }
  if (request.expiresAt <= request.now) throw new StoreError('request_expired', 'the request has expired')
  if (said.at.getTime() > request.now.getTime() + AHEAD) {
    throw new StoreError('invalid', 'the time lies in the future', { field: 'at' })
  }
  const [known] = await tx.$queryRaw<unknown[]>`
    select from ticket_state where request_id = ${requestId}::uuid and key_name = ${said.key}
      and ticket = ${said.ticket} and state = ${said.state} and at = ${said.at}`
  if (known !== undefined) return
  const entryId = await appendEntry(tx, {
    type: 'ticket.reported',
    actor: `ticket-key:${request.laneId}/${said.key}`,
    subjects: [`request:${requestId}`, `lane:${request.laneId}`],
    payload: { ticket: said.ticket, state: said.state, at: said.at.toISOString(), key: said.key },
  })
  await tx.$executeRaw`
    insert into ticket_state (id, request_id, ticket, state, key_name, at, entry_id)
    values (${newId()}::uuid, ${requestId}::uuid, ${said.ticket}, ${said.state}, ${said.key}, ${said.at}, ${entryId}::uuid)`
}

/** The lane of a request and the keys that its callbacks are signed with; null: there is no such request. */
export async function ticketKeysOf(
  tx: Transaction,
  requestId: string,
): Promise<{ laneId: string; keys: readonly string[] } | null> {
  const [row] = await tx.$queryRaw<{ laneId: string; keys: readonly string[] }[]>`
    select r.lane_id as "laneId", coalesce(v.policy #> '{gates,ticket,keys}', '[]') as keys
    from request r join lane_version v on v.lane_id = r.lane_id and v.version = r.lane_version
    where r.id = ${requestId}::uuid`
  return row ?? null
}
