import { createHmac, randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto'
import { StoreError } from '../errors.ts'

// 16 MiB and about 0.2 s each; OWASP Password Storage Cheat Sheet, scrypt.
const COST = { N: 16_384, r: 8, p: 5 } satisfies ScryptOptions
const KEY_LENGTH = 32

/** Written as `scrypt$N$r$p$salt$key`, so that the cost can be raised for new ones. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16)
  const key = await derive(password, salt, COST)
  return ['scrypt', COST.N, COST.r, COST.p, salt.toString('base64'), key.toString('base64')].join('$')
}

/** @throws StoreError invalid, naming `field` */
export function requirePassword(password: string, field: string): void {
  if (password.length < 8 || Buffer.byteLength(password) > 1024) {
    throw new StoreError('invalid', 'a password has at least 8 characters and at most 1024 bytes', { field })
  }
}

/** A password nobody has to think of: 120 bits, in groups that can be read out. */
export function generatePassword(): string {
  const alphabet = 'abcdefghijkmnpqrstuvwxyz23456789'
  const letters = Array.from(randomBytes(24), (byte) => alphabet[byte % 32])
  return [0, 6, 12, 18].map((at) => letters.slice(at, at + 6).join('')).join('-')
}

const REMEMBERED = 1_000
const AT_ONCE = 2

export interface Turn {
  readonly username: string
  /** Just before the comparison, when those before it in the line have been counted. */
  readonly before: () => Promise<void>
  readonly failed: () => Promise<void>
}

/**
 * Compares passwords and remembers the answers, since registry clients send the password with every
 * request. An answer is kept under the very hash it was about: a changed password is a new question.
 */
export class PasswordCheck {
  readonly #key = randomBytes(32)
  readonly #answers = new Map<string, Promise<boolean>>()
  readonly #waiting: (() => void)[] = []
  #running = 0
  #decoy: Promise<string> | undefined

  /**
   * Null, for a user who is not there, takes as long as any other and is false. `turn` brackets a comparison
   * that is really made: what is asked again is not counted again.
   */
  async matches(password: string, stored: string | null, turn: Turn): Promise<boolean> {
    if (Buffer.byteLength(password) > 1024) return false
    this.#decoy ??= hashPassword(randomBytes(16).toString('hex'))
    const hash = stored ?? (await this.#decoy)
    // Each unknown name is a question of its own, as each known one is.
    const about = stored ?? `\0${turn.username}`
    const question = createHmac('sha256', this.#key).update(`${about}\n${password}`).digest('base64')
    const known = this.#answers.get(question)
    if (known) return await known
    const answer = this.#inTurn(async () => {
      await turn.before()
      const right = (await compare(password, hash)) && stored !== null
      if (!right) await turn.failed()
      return right
    })
    this.#answers.set(question, answer)
    answer.catch(() => this.#answers.delete(question))
    const [oldest] = this.#answers.keys()
    if (this.#answers.size > REMEMBERED && oldest !== undefined) this.#answers.delete(oldest)
    return await answer
  }

  /** A flood of wrong passwords waits in line instead of taking all the memory and threads. */
  async #inTurn<T>(run: () => Promise<T>): Promise<T> {
    if (this.#running >= AT_ONCE) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    else this.#running++
    try {
      return await run()
    } finally {
      const next = this.#waiting.shift()
      if (next) next()
      else this.#running--
    }
  }
}

async function compare(password: string, stored: string): Promise<boolean> {
  const [scheme, N, r, p, salt, key] = stored.split('$')
  if (scheme !== 'scrypt' || salt === undefined || key === undefined) return false
  const expected = Buffer.from(key, 'base64')
  const cost = { N: Number(N), r: Number(r), p: Number(p) }
  return timingSafeEqual(await derive(password, Buffer.from(salt, 'base64'), cost), expected)
}

function derive(password: string, salt: Buffer, cost: ScryptOptions): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    // Two keyboards may write one letter as different code points; RFC 8265, section 4.2.2.
    scrypt(password.normalize('NFC'), salt, KEY_LENGTH, cost, (error, key) =>
      error ? reject(error) : resolve(key),
    )
  })
}
