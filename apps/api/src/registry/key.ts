import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
} from 'node:crypto'
import fs from 'node:fs'
import { makeKeyFile } from '@sluice/store'
import { ApiError } from '../problem.ts'

/** The key that signs registry tokens: ECDSA on P-256. */
export type TokenKey = { readonly id: string; readonly secret: KeyObject; readonly public: KeyObject }

/** The first signs; tokens that any of them signed are accepted. */
export type TokenKeys = readonly [TokenKey, ...TokenKey[]]

const PEM = /-----BEGIN [A-Z ]+-----[^-]+-----END [A-Z ]+-----/g

/**
 * Reads the keys from their PEM file, one after the other: to change the key without a gap, write the new one
 * before the old, restart, and take the old one out when its last token is over (`TOKEN_LIFE`). The file is made
 * with one key, readable by its owner alone, when `make` and there is none.
 * @throws ApiError key_file_invalid
 */
export function loadTokenKeys(file: string, { make }: { make: boolean }): TokenKeys {
  if (make && !fs.existsSync(file)) makeKeyFile(file, newKey())
  let secrets: KeyObject[]
  try {
    secrets = (fs.readFileSync(file, 'utf8').match(PEM) ?? []).map((pem) => createPrivateKey(pem))
  } catch (cause) {
    throw new ApiError('key_file_invalid', `${file} holds no private key in PEM form that can be read`, {
      cause,
    })
  }
  if (secrets.some(({ asymmetricKeyDetails }) => asymmetricKeyDetails?.namedCurve !== 'prime256v1')) {
    throw new ApiError(
      'key_file_invalid',
      `${file}: registry tokens are signed with a key on the curve P-256`,
    )
  }
  const [signing, ...older] = secrets.map(tokenKey)
  if (signing === undefined)
    throw new ApiError('key_file_invalid', `${file} holds no private key in PEM form`)
  return [signing, ...older]
}

export function tokenKey(secret: KeyObject): TokenKey {
  const own = createPublicKey(secret)
  const der = own.export({ type: 'spki', format: 'der' })
  return { id: createHash('sha256').update(der).digest('hex').slice(0, 16), secret, public: own }
}

function newKey(): string | Buffer {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({
    type: 'pkcs8',
    format: 'pem',
  })
}
