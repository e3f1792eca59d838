import { createHash, randomBytes } from 'node:crypto'

const PREFIX = 'slu_'
const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
/** 256 bits in base 62. */
const LENGTH = 43

/** A new token secret: `slu_` and 256 random bits in base 62. */
export function newSecret(): string {
  let number = BigInt(`0x${randomBytes(32).toString('hex')}`)
  let text = ''
  for (let i = 0; i < LENGTH; i++) {
    text = DIGITS[Number(number % 62n)] + text
    number /= 62n
  }
  return PREFIX + text
}

/** Could this be one of ours? It need not be asked for otherwise. */
export function looksLikeSecret(text: string): boolean {
  return text.length === PREFIX.length + LENGTH && text.startsWith(PREFIX)
}

/** What is stored. With 256 random bits a plain hash suffices: there is nothing to guess. */
export function secretHash(secret: string): Buffer {
  return createHash('sha256').update(secret).digest()
}
