import type { Call, Result } from '../call.ts'
import { ApiError, unauthenticated } from '../problem.ts'
import { signedWith, ticketSecret } from '../secret.ts'
import type { LaneView } from '../subjects.ts'

/** For who administers both feeds: whoever holds the secret speaks for the ticket system. */
export const getTicketKey = async (
  { services, params }: Call<'getTicketKey'>,
  lane: LaneView,
): Promise<Result<'getTicketKey'>> => {
  const { key } = params
  return { status: 200, body: { key, secret: ticketSecret(services.secret, lane.id, key) } }
}

/** Whatever is wrong with the signature, and a request that is not there, are one answer. */
export const reportTicket = async ({
  services,
  params,
  headers,
  body,
  bytes,
}: Call<'reportTicket'>): Promise<Result<'reportTicket'>> => {
  const { evidence } = services.store
  const lane = await evidence.ticketKeys(params.id)
  const key = headers['sluice-key']
  const secret = ticketSecret(services.secret, lane?.laneId ?? '', key)
  const good = signedWith(secret, bytes, headers['sluice-signature'])
  if (lane === null || !lane.keys.includes(key) || !good) {
    throw unauthenticated('the signature is not of a ticket key of that request’s lane')
  }
  if (body.request !== params.id) {
    const message = 'the body was signed for another request'
    throw new ApiError('invalid', message, { errors: [{ field: 'request', rule: 'same_as_path', message }] })
  }
  await evidence.ticket(params.id, { ticket: body.ticket, state: body.state, at: new Date(body.at), key })
  return { status: 204 }
}
