import { createHash, randomBytes } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { StoreError } from '../errors.ts'
import { makeKeyFile } from './make.ts'

/** SLUICE_SECRET_KEY, SLUICE_SECRET_KEY_FILE and SLUICE_DATA_DIR, as packages/contract reads them. */
export interface SecretSettings {
  readonly secretKey?: string | undefined
  readonly secretKeyFile?: string | undefined
  readonly dataDir: string
}

/**
 * The secret of this installation: SLUICE_SECRET_KEY, or the file it names, else one made under the data
 * folder, readable by its owner alone. All replicas and workers need the same. 32 bytes.
 * @throws StoreError key_file_invalid
 */
export function loadSecret({ secretKey, secretKeyFile, dataDir }: SecretSettings): Uint8Array {
  if (secretKey !== undefined) return createHash('sha256').update(secretKey).digest()
  const file = secretKeyFile ?? path.join(dataDir, 'keys', 'secret.key')
  if (secretKeyFile === undefined && !fs.existsSync(file)) makeKeyFile(file, randomBytes(32).toString('hex'))
  let text: string
  try {
    text = fs.readFileSync(file, 'utf8').trim()
  } catch (cause) {
    throw new StoreError('key_file_invalid', `${file} cannot be read`, { cause })
  }
  if (text.length < 32) throw new StoreError('key_file_invalid', `${file} holds fewer than 32 characters`)
  return createHash('sha256').update(text).digest()
}
