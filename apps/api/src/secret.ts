import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import type { Settings } from '@sluice/contract/environment'
import { ApiError } from './problem.ts'

/**
 * The secret of this installation: SLUICE_SECRET_KEY, or the file it names, else one made under the data
 * folder, readable by its owner alone. All replicas need the same.
 * @throws ApiError key_file_invalid
 */
export function loadSecret({ secretKey, secretKeyFile, dataDir }: Settings): Uint8Array {
  if (secretKey !== undefined) return createHash('sha256').update(secretKey).digest()
  const file = secretKeyFile ?? path.join(dataDir, 'keys', 'secret.key')
  if (secretKeyFile === undefined && !fs.existsSync(file)) writeSecret(file)
  let text: string
  try {
    text = fs.readFileSync(file, 'utf8').trim()
  } catch (cause) {
    throw new ApiError('key_file_invalid', `${file} cannot be read`, { cause })
  }
  if (text.length < 32) throw new ApiError('key_file_invalid', `${file} holds fewer than 32 characters`)
  return createHash('sha256').update(text).digest()
}

/** Linked under its name when whole: of two that start at once, both read the same secret. */
function writeSecret(file: string): void {
  fs.mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 })
  const draft = `${file}.${process.pid}`
  fs.writeFileSync(draft, randomBytes(32).toString('hex'), { mode: 0o600, flush: true })
  try {
    fs.linkSync(draft, file)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
  } finally {
    fs.rmSync(draft)
  }
}

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
