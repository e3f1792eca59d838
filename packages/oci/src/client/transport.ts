import http, { type ClientRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import https from 'node:https'
import { rootCertificates, TLSSocket } from 'node:tls'
import { guardedLookup } from './address.ts'
import { asRegistryError, RegistryError } from './errors.ts'
import { type ClientLimits, hostOf, type RegistryOptions, type Territory } from './options.ts'
import { proxyAuthorization, TunnelAgent } from './proxy.ts'

/** The head of an answer; its body is still to be read or dropped. */
export interface Answer {
  readonly url: URL
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: IncomingMessage
}

export interface Sending {
  readonly request: ClientRequest
  readonly answer: Promise<Answer>
}

/** A head to be sent. */
export interface Head {
  readonly method: string
  readonly url: URL
  readonly headers: Record<string, string>
  /** For messages: what this is about. */
  readonly what: string
  readonly signal?: AbortSignal | undefined
}

export interface Message extends Head {
  readonly body?: Uint8Array
  /** By `Date.now()`. */
  readonly notAfter?: number
}

const SOCKETS_PER_HOST = 64

/** HTTP/1.1 with kept connections to permitted addresses. It knows nothing of registries, tokens or retries. */
export class Transport {
  readonly #territory: Territory
  readonly #limits: ClientLimits
  readonly #proxy: URL | null
  readonly #userAgent: string
  readonly #lookup: RegistryOptions['lookup']
  readonly #plain: http.Agent
  /** The registry itself may see the client certificate; nobody else may. */
  readonly #own: https.Agent
  readonly #foreign: https.Agent

  constructor(options: RegistryOptions, territory: Territory, limits: ClientLimits) {
    const { ca, clientCertificate, proxy } = options
    this.#territory = territory
    this.#limits = limits
    this.#proxy = proxy === undefined ? null : new URL(proxy)
    this.#userAgent = options.userAgent ?? 'sluice'
    this.#lookup = options.lookup
    const kept = { keepAlive: true, maxSockets: SOCKETS_PER_HOST, noDelay: true }
    const trust = ca === undefined ? {} : { ca: [...rootCertificates, ca] }
    const agent = (more: https.AgentOptions): https.Agent => {
      const settings = { ...kept, ...trust, ...more }
      return this.#proxy === null ? new https.Agent(settings) : new TunnelAgent(this.#proxy, settings)
    }
    this.#plain = new http.Agent(kept)
    this.#own = agent(clientCertificate ?? {})
    this.#foreign = clientCertificate === undefined ? this.#own : agent({})
  }

  /** Sends a head; the caller writes the body and ends the request. `answer` never stays unhandled. */
  open({ method, url, headers, what, signal }: Head): Sending {
    this.#territory.check(url)
    const about = `${what}, at ${url.host}`
    const request = this.#request(method, url, headers, signal)
    const answer = new Promise<Answer>((resolve, reject) => {
      request.once('response', (body) => {
        // Whoever reads the body learns of its errors; where nobody does, they concern nobody.
        body.on('error', () => undefined)
        resolve({ url, status: body.statusCode ?? 0, headers: body.headers, body })
      })
      request.on('error', (error) => reject(asRegistryError(error, about)))
      request.once('close', () => reject(new RegistryError('connection', `${about}: no answer`)))
    })
    answer.catch(() => undefined)
    return { request, answer }
  }

  /** @throws RegistryError of the network, or `timeout` when no head came within `headMs` */
  async send({ body, notAfter, ...head }: Message): Promise<Answer> {
    const about = `${head.what}, at ${head.url.host}`
    for (let again = false; ; again = true) {
      const { request, answer } = this.open(head)
      const timer = setTimeout(() => {
        request.destroy(new RegistryError('timeout', `${about}: no answer in ${this.#limits.headMs} ms`))
      }, this.#limits.headMs)
      try {
        if (notAfter !== undefined) {
          await Promise.race([connected(request), answer])
          // Between this look and the write nothing else runs.
          if (Date.now() >= notAfter) {
            request.destroy()
            throw new RegistryError('timeout', `${about}: the time to send it is over`)
          }
        }
        request.end(body)
        return await answer
      } catch (error) {
        // A kept connection that the registry closed meanwhile tells nothing about the registry.
        const stale = request.reusedSocket && error instanceof RegistryError && error.code === 'connection'
        if (!stale || again || notAfter !== undefined) throw error
      } finally {
        clearTimeout(timer)
      }
    }
  }

  close(): void {
    for (const agent of [this.#plain, this.#own, this.#foreign]) agent.destroy()
  }

  #request(method: string, url: URL, headers: Record<string, string>, signal?: AbortSignal): ClientRequest {
    const host = hostOf(url)
    const common = {
      method,
      headers: { 'user-agent': this.#userAgent, ...headers },
      maxHeaderSize: 64 * 1024,
      ...(signal && { signal }),
    }
    if (url.protocol === 'http:' && this.#proxy !== null) {
      const asked = { host: url.host, ...proxyAuthorization(this.#proxy), ...common.headers }
      const target = { host: hostOf(this.#proxy), port: this.#proxy.port || 80, path: url.href }
      return http.request({ ...common, ...target, headers: asked, agent: this.#plain })
    }
    const lookup = guardedLookup(this.#territory.reachOf(host), this.#lookup)
    const target = { host, port: url.port, path: url.pathname + url.search, lookup }
    if (url.protocol === 'http:') return http.request({ ...common, ...target, agent: this.#plain })
    const agent = url.origin === this.#territory.origin ? this.#own : this.#foreign
    return https.request({ ...common, ...target, agent })
  }
}

/** Resolves when what is written to this request goes to the network at once. */
function connected(request: ClientRequest): Promise<void> {
  return new Promise((resolve) => {
    request.once('socket', (socket) => {
      if (socket instanceof TLSSocket && socket.getProtocol() === null) socket.once('secureConnect', resolve)
      else if (socket.connecting) socket.once('connect', () => resolve())
      else resolve()
    })
  })
}

/**
 * The whole body, if it has at most `limit` bytes and comes within `withinMs`.
 * @throws RegistryError too_large before more than the limit is held, connection, timeout
 */
export async function readBody(
  answer: Answer,
  limit: number,
  withinMs: number,
  what: string,
): Promise<Buffer> {
  const { body, headers } = answer
  const tooLarge = () => new RegistryError('too_large', `${what}: the answer has more than ${limit} bytes`)
  if (Number(headers['content-length'] ?? 0) > limit) {
    body.destroy()
    throw tooLarge()
  }
  const timer = setTimeout(() => {
    body.destroy(new RegistryError('timeout', `${what}: the answer did not end in ${withinMs} ms`))
  }, withinMs)
  const parts: Buffer[] = []
  let size = 0
  try {
    for await (const part of body) {
      if (!Buffer.isBuffer(part)) continue
      size += part.length
      if (size > limit) throw tooLarge()
      parts.push(part)
    }
    return Buffer.concat(parts, size)
  } catch (error) {
    throw asRegistryError(error, what)
  } finally {
    clearTimeout(timer)
  }
}
