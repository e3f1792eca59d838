import { createHash, createHmac, timingSafeEqual } from 'node:crypto'

/** The secret of one key of one lane, in hex: derived, so that nothing of it is stored. A new name is a new secret. */
export function ticketSecret(secret: Uint8Array, laneId: string, key: string): string {
  return createHmac('sha256', secret).update(`sluice-ticket-key/v1 ${laneId} ${key}`).digest('hex')
}

/** What the registry of this feed shows with its notifications, in hex; derived too. */
export function notificationSecret(secret: Uint8Array, feedId: string): string {
  return createHmac('sha256', secret).update(`sluice-notification-key/v1 ${feedId}`).digest('hex')
}

/** In a time that tells nothing of where they differ. */
export function sameSecret(expected: string, given: string): boolean {
  const [one, other] = [expected, given].map((text) => createHash('sha256').update(text).digest())
  return one !== undefined && other !== undefined && timingSafeEqual(one, other)
}

/** Is this `sha256=` and the HMAC-SHA256 of these bytes under this secret, in hex? In constant time. */
export function signedWith(secret: string, bytes: Uint8Array, signature: string): boolean {
  const expected = createHmac('sha256', secret).update(bytes).digest()
  const given = Buffer.from(signature.replace(/^sha256=/, ''), 'hex')
  return given.length === expected.length && timingSafeEqual(given, expected)
}
