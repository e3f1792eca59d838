import { createHmac, timingSafeEqual } from 'node:crypto'

/** The secret of one key of one lane, in hex: derived, so that nothing of it is stored. A new name is a new secret. */
export function ticketSecret(secret: Uint8Array, laneId: string, key: string): string {
  return createHmac('sha256', secret).update(`sluice-ticket-key/v1 ${laneId} ${key}`).digest('hex')
}

/** Is this `sha256=` and the HMAC-SHA256 of these bytes under this secret, in hex? In constant time. */
export function signedWith(secret: string, bytes: Uint8Array, signature: string): boolean {
  const expected = createHmac('sha256', secret).update(bytes).digest()
  const given = Buffer.from(signature.replace(/^sha256=/, ''), 'hex')
  return given.length === expected.length && timingSafeEqual(given, expected)
}
