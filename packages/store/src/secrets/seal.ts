import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'
import { StoreError } from '../errors.ts'

// 1 ‖ nonce ‖ ciphertext ‖ tag, AES-256-GCM (NIST SP 800-38D).
const VERSION = 1
const NONCE = 12
const TAG = 16

/** Seals what must be written to the database and never be read there. */
export interface Seal {
  /** @param context what it is of, as `feed:<id> credential`; it opens in no other place */
  close(secret: string, context: string): Buffer
  /** @throws StoreError secret_unusable */
  open(sealed: Uint8Array, context: string): string
}

/** @param secret of the installation (`loadSecret`); without one nothing can be sealed or opened */
export function sealWith(secret: Uint8Array | undefined): Seal {
  const key =
    secret === undefined
      ? undefined
      : Buffer.from(hkdfSync('sha256', secret, new Uint8Array(), 'sluice-seal/v1', 32))
  const needed = (): Buffer => {
    if (key !== undefined) return key
    throw new StoreError('secret_unusable', 'this process was started without SLUICE_SECRET_KEY')
  }
  return {
    close(text, context) {
      const nonce = randomBytes(NONCE)
      const cipher = createCipheriv('aes-256-gcm', needed(), nonce, { authTagLength: TAG })
      cipher.setAAD(Buffer.from(context))
      const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
      return Buffer.concat([Buffer.of(VERSION), nonce, body, cipher.getAuthTag()])
    },
    open(sealed, context) {
      const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength)
      try {
        if (bytes[0] !== VERSION || bytes.length < 1 + NONCE + TAG) throw new Error('not of this form')
        const nonce = bytes.subarray(1, 1 + NONCE)
        const cipher = createDecipheriv('aes-256-gcm', needed(), nonce, { authTagLength: TAG })
        cipher.setAAD(Buffer.from(context))
        cipher.setAuthTag(bytes.subarray(bytes.length - TAG))
        const body = cipher.update(bytes.subarray(1 + NONCE, bytes.length - TAG))
        return Buffer.concat([body, cipher.final()]).toString('utf8')
      } catch (cause) {
        if (cause instanceof StoreError) throw cause
        throw new StoreError(
          'secret_unusable',
          'a stored secret does not open: it was sealed under another SLUICE_SECRET_KEY; start with that one, or give the secret again',
          { cause },
        )
      }
    },
  }
}
