import { RegistryError } from './errors.ts'
import type { Session } from './session.ts'
import type { Answer, Sending } from './transport.ts'
import { drop } from './answer.ts'

/** An open upload: where it continues and how many bytes the registry holds of it. */
export interface Upload {
  readonly location: URL
  readonly offset: number
}

/** Uploads into one repository. Distribution specification, "Pushing blobs". */
export class Uploads {
  readonly #session: Session
  readonly #path: string
  readonly #scopes: readonly string[]
  readonly #name: string

  constructor(session: Session, name: string, scopes: readonly string[]) {
    this.#session = session
    this.#name = name
    this.#path = `/v2/${name}/blobs/uploads/`
    this.#scopes = scopes
  }

  async start(signal?: AbortSignal): Promise<Upload> {
    const what = `an upload to ${this.#name}`
    const headers = { 'content-length': '0' }
    const call = {
      method: 'POST',
      url: this.#path,
      scopes: this.#scopes,
      expect: [202],
      what,
      headers,
      signal,
    }
    const answer = await this.#session.call(call)
    drop(answer)
    return { location: this.#location(answer, what), offset: 0 }
  }

  /** True when the registry took the blob over from another repository of its own; else an upload or null. */
  async mount(digest: string, from: string, signal?: AbortSignal): Promise<true | Upload | null> {
    const what = `a mount of ${digest} from ${from} into ${this.#name}`
    const query = new URLSearchParams({ mount: digest, from })
    const scopes = [...this.#scopes, `repository:${from}:pull`]
    const headers = { 'content-length': '0' }
    const url = `${this.#path}?${query.toString()}`
    // Whatever the reason of a refusal, an ordinary upload is still open.
    const call = {
      method: 'POST',
      url,
      scopes,
      expect: [201, 202, 400, 401, 403, 404, 405],
      what,
      headers,
      signal,
    }
    const answer = await this.#session.call(call).catch((error: unknown) => {
      // The token server may refuse what the registry is not even asked.
      const denied =
        error instanceof RegistryError && (error.code === 'unauthorized' || error.code === 'forbidden')
      if (denied) return null
      throw error
    })
    if (answer === null) return null
    drop(answer)
    if (answer.status === 201) return true
    return answer.status === 202 ? { location: this.#location(answer, what), offset: 0 } : null
  }

  /** How far the registry got, or null when it has forgotten the upload. */
  async status(upload: Upload, signal?: AbortSignal): Promise<Upload | null> {
    const what = `the state of an upload to ${this.#name}`
    const url = upload.location
    const expect = [200, 204, 400, 404, 405, 416]
    const answer = await this.#session.call({
      method: 'GET',
      url,
      scopes: this.#scopes,
      expect,
      what,
      signal,
    })
    drop(answer)
    if (answer.status !== 204 && answer.status !== 200) return null
    const end = /^(?:bytes=)?0-(\d{1,15})$/.exec(answer.headers.range ?? '')?.[1]
    if (end === undefined) return null
    const location = answer.headers.location === undefined ? upload.location : this.#location(answer, what)
    // `0-0` is said of an empty upload too; from byte 0 is right in both cases only after a fresh start.
    return end === '0' ? null : { location, offset: Number(end) + 1 }
  }

  /** PUT of all bytes in one request, or PATCH of the rest from the upload's offset; the caller writes them. */
  async send(upload: Upload, blob: { digest: string; size: number }, signal?: AbortSignal): Promise<Sending> {
    const { location, offset } = upload
    const length = blob.size - offset
    const headers: Record<string, string> = {
      'content-type': 'application/octet-stream',
      'content-length': String(length),
    }
    const whole = offset === 0
    if (!whole) headers['content-range'] = `${offset}-${blob.size - 1}`
    const url = whole ? withDigest(location, blob.digest) : location
    const what = `the blob ${blob.digest} of ${this.#name}`
    return this.#session.open({
      method: whole ? 'PUT' : 'PATCH',
      url,
      scopes: this.#scopes,
      what,
      headers,
      signal,
    })
  }

  /** Reads the answer to `send`: null when the blob is complete, else the upload still to be finished. */
  async answered(
    upload: Upload,
    digest: string,
    answer: Answer,
    used: string | undefined,
  ): Promise<Upload | null> {
    const what = `the blob ${digest} of ${this.#name}`
    const complete = upload.offset === 0
    if (answer.status === (complete ? 201 : 202)) {
      drop(answer)
      return complete ? null : { location: this.#location(answer, what), offset: upload.offset }
    }
    const renewable = answer.status === 401 && this.#session.learn(answer, this.#scopes, used)
    const error = await this.#session.refuse(answer, what)
    // A token that ended under way is no refusal: the next try shows a new one.
    throw renewable ? new RegistryError('connection', error.message, { cause: error, status: 401 }) : error
  }

  async finish(upload: Upload, digest: string, signal?: AbortSignal): Promise<void> {
    const url = withDigest(upload.location, digest)
    const headers = { 'content-length': '0' }
    const what = `the blob ${digest} of ${this.#name}`
    drop(
      await this.#session.once({
        method: 'PUT',
        url,
        scopes: this.#scopes,
        expect: [201, 204],
        what,
        headers,
        signal,
      }),
    )
  }

  /** Gives an upload up; a registry that cannot do that forgets it by itself. */
  async cancel(upload: Upload): Promise<void> {
    const call = {
      method: 'DELETE',
      url: upload.location,
      scopes: this.#scopes,
      expect: [204],
      what: 'an upload',
    }
    await this.#session.once(call).then(drop, () => undefined)
  }

  #location(answer: Answer, what: string): URL {
    const { location } = answer.headers
    if (location === undefined || !URL.canParse(location, answer.url.href)) {
      throw new RegistryError('bad_response', `${what}: ${answer.url.host} gave no usable Location`)
    }
    const url = new URL(location, answer.url)
    this.#session.territory.check(url)
    return url
  }
}

function withDigest(location: URL, digest: string): URL {
  const url = new URL(location)
  // Appended as text: what is there already goes back verbatim, not as URLSearchParams would write it.
  url.search = `${url.search === '' ? '?' : `${url.search}&`}digest=${encodeURIComponent(digest)}`
  return url
}
