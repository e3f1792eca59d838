import { drop, refusal } from './answer.ts'
import { Authentication } from './auth.ts'
import { createRequestBudget, type RequestBudget } from './budget.ts'
import { RegistryError } from './errors.ts'
import {
  type ClientLimits,
  DEFAULT_LIMITS,
  type RegistryOptions,
  type Territory,
  territoryOf,
} from './options.ts'
import { withRetry } from './retry.ts'
import { type Answer, type Sending, Transport } from './transport.ts'

const REDIRECT_LIMIT = 5

export interface Call {
  readonly method: string
  /** Relative to the registry, or a Location it gave. */
  readonly url: string | URL
  readonly scopes: readonly string[]
  /** Statuses that are an answer; all others become a RegistryError. */
  readonly expect: readonly number[]
  /** For messages: what this is about, as `the manifest sha256:… of team/app`. */
  readonly what: string
  readonly headers?: Record<string, string>
  readonly body?: Uint8Array
  readonly signal?: AbortSignal | undefined
  /** By `Date.now()`: what was not sent by then is not sent at all, also by a process that was stopped meanwhile. */
  readonly notAfter?: number
}

/** Requests to one registry: authenticated, within the budget, retried, redirected, refused with reasons. */
export class Session {
  readonly territory: Territory
  readonly limits: ClientLimits
  readonly #transport: Transport
  readonly #auth: Authentication
  readonly #budget: RequestBudget

  /** @throws RegistryError settings_invalid, plain_http_refused, address_refused */
  constructor(options: RegistryOptions) {
    this.territory = territoryOf(options)
    this.limits = { ...DEFAULT_LIMITS, ...options.limits }
    this.#transport = new Transport(options, this.territory, this.limits)
    const rooms = { transport: this.#transport, territory: this.territory, limits: this.limits }
    this.#auth = new Authentication(rooms, options.credentials)
    this.#budget = options.budget ?? createRequestBudget()
  }

  get host(): string {
    return new URL(this.territory.origin).host
  }

  /** Sends, and again after what may heal. For requests that do no harm when they arrive twice. */
  call(call: Call): Promise<Answer> {
    return withRetry(this.limits, call.signal, () => this.once(call))
  }

  /** One try; a renewed token is part of it. */
  async once(call: Call): Promise<Answer> {
    const url = this.#resolve(call.url)
    const answer = await this.#authenticated(call, url)
    if (call.expect.includes(answer.status)) return answer
    throw await this.refuse(answer, call.what)
  }

  /** The error of an unwelcome answer; a plea for silence is heard by all requests to this host. */
  async refuse(answer: Answer, what: string): Promise<RegistryError> {
    const error = await refusal(answer, what, this.limits, this.#auth.secrets())
    const silence = error.retryAfterMs ?? 0
    if (silence > 0 && silence <= this.limits.longestRetryAfterMs)
      this.#budget.pause(answer.url.host, silence)
    return error
  }

  /** Sends a head whose body the caller writes. The token is renewed beforehand when it is about to end. */
  async open(call: Omit<Call, 'expect' | 'body'>): Promise<Sending> {
    const url = this.#resolve(call.url)
    await this.#budget.take(url.host, call.signal)
    const headers = { ...call.headers, ...(await this.#credentialsFor(url, call.scopes)) }
    return this.#transport.open({ ...call, url, headers })
  }

  /** After a 401 to `open`: whether a second try has other credentials to show. */
  learn(answer: Answer, scopes: readonly string[], used: string | undefined): boolean {
    return this.#isOwn(answer.url) && this.#auth.learn(answer, scopes, used)
  }

  close(): void {
    this.#transport.close()
  }

  async #authenticated(call: Call, url: URL): Promise<Answer> {
    for (let renewed = false; ; renewed = true) {
      const credentials = await this.#credentialsFor(url, call.scopes)
      const answer = await this.#followed(call, url, credentials)
      if (answer.status !== 401 || renewed || !this.learn(answer, call.scopes, credentials.authorization)) {
        return answer
      }
      drop(answer)
    }
  }

  /** Follows redirects of reads. What leaves the registry's origin carries no credential, also not back. */
  async #followed(call: Call, first: URL, credentials: Record<string, string>): Promise<Answer> {
    let url = first
    let carried = credentials
    for (let hops = 0; ; hops++) {
      await this.#budget.take(url.host, call.signal)
      const headers = { ...call.headers, ...carried }
      const answer = await this.#transport.send({ ...call, url, headers })
      const { location } = answer.headers
      const redirects = [301, 302, 303, 307, 308].includes(answer.status)
      const reads = call.method === 'GET' || call.method === 'HEAD'
      if (!redirects || !reads || location === undefined) return answer
      drop(answer)
      if (hops === REDIRECT_LIMIT || !URL.canParse(location, url.href)) {
        throw new RegistryError(
          'redirect_refused',
          `${call.what}: ${first.host} redirects without end or to nowhere`,
        )
      }
      const next = new URL(location, url)
      if (url.protocol === 'https:' && next.protocol === 'http:') {
        throw new RegistryError(
          'redirect_refused',
          `${call.what}: ${url.host} redirects from https to plain http`,
        )
      }
      if (next.origin !== url.origin) carried = {}
      url = next
    }
  }

  async #credentialsFor(url: URL, scopes: readonly string[]): Promise<Record<string, string>> {
    return this.#isOwn(url) ? this.#auth.headers(scopes) : {}
  }

  #isOwn(url: URL): boolean {
    return url.origin === this.territory.origin
  }

  #resolve(url: string | URL): URL {
    return typeof url === 'string' ? new URL(url, this.territory.origin) : url
  }
}
