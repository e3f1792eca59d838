import { Transform } from 'node:stream'
import { createHasher, type Hasher } from '../digest.ts'
import { quote } from '../errors.ts'
import { parseDigest } from '../grammar.ts'
import { RegistryError } from './errors.ts'
import type { Session } from './session.ts'
import type { Answer } from './transport.ts'

/** Counts and hashes bytes as they pass, and knows before the last of them is handed on if all were right. */
export class BlobCheck {
  readonly #digest: string
  readonly #size: number
  readonly #hasher: Hasher
  readonly #what: string
  #seen = 0

  constructor(digest: string, size: number, what: string) {
    this.#digest = digest
    this.#size = size
    this.#what = what
    this.#hasher = createHasher(parseDigest(digest).algorithm)
  }

  get seen(): number {
    return this.#seen
  }

  /** @throws RegistryError wrong_length beyond the size, wrong_digest with the last byte */
  update(bytes: Uint8Array): void {
    this.#seen += bytes.length
    if (this.#seen > this.#size) throw wrongLength(this.#what, this.#size, `more than ${this.#size}`)
    this.#hasher.update(bytes)
    if (this.#seen === this.#size && bytes.length > 0) this.#compare()
  }

  /** @throws RegistryError wrong_length, wrong_digest */
  end(): void {
    if (this.#seen !== this.#size) throw wrongLength(this.#what, this.#size, String(this.#seen))
    if (this.#size === 0) this.#compare()
  }

  #compare(): void {
    const actual = this.#hasher.digest()
    if (actual === this.#digest) return
    throw new RegistryError(
      'wrong_digest',
      `${this.#what}: the bytes served have the digest ${actual}; they were damaged there or on their way`,
    )
  }
}

function wrongLength(what: string, size: number, found: string): RegistryError {
  return new RegistryError('wrong_length', `${what}: ${size} bytes are expected and ${found} were served`)
}

export interface OpenBlob {
  readonly answer: Answer
  /** Where the body starts: as asked, or 0 where the registry knows no ranges. */
  readonly from: number
}

/**
 * GET of a blob from byte `from`. Distribution specification, "Pulling blobs"; RFC 9110, section 14.
 * @throws RegistryError wrong_length when the registry holds another number of bytes than `size`
 */
export async function openBlob(
  session: Session,
  call: {
    url: string
    scopes: readonly string[]
    size: number
    from: number
    what: string
    signal: AbortSignal | undefined
  },
): Promise<OpenBlob> {
  const { size, from, what } = call
  const headers: Record<string, string> = { accept: '*/*', 'accept-encoding': 'identity' }
  if (from > 0) headers.range = `bytes=${from}-`
  const answer = await session.call({
    ...call,
    method: 'GET',
    headers,
    expect: from > 0 ? [200, 206] : [200],
  })
  const start = answer.status === 206 ? from : 0
  const { 'content-length': length, 'content-range': range, 'content-encoding': encoding } = answer.headers
  try {
    if (encoding !== undefined && encoding !== 'identity') {
      throw new RegistryError(
        'bad_response',
        `${what}: served with the encoding ${quote(encoding)}, which was not asked for`,
      )
    }
    if (answer.status === 206 && range?.startsWith(`bytes ${from}-`) !== true) {
      throw new RegistryError('bad_response', `${what}: another range than the one asked for was served`)
    }
    if (length !== undefined && Number(length) !== size - start)
      throw wrongLength(`${what}, at ${answer.url.host}`, size - start, length)
  } catch (error) {
    answer.body.destroy()
    throw error
  }
  return { answer, from: start }
}

/** A stream that passes checked bytes on and fails before its end when they are not the blob. */
export function checkedStream(check: BlobCheck): Transform {
  return new Transform({
    transform(chunk: Uint8Array, _encoding, done) {
      try {
        check.update(chunk)
        done(null, chunk)
      } catch (error) {
        done(error instanceof Error ? error : new Error('check failed', { cause: error }))
      }
    },
    flush(done) {
      try {
        check.end()
        done()
      } catch (error) {
        done(error instanceof Error ? error : new Error('check failed', { cause: error }))
      }
    },
  })
}
