import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import { Transform } from 'node:stream'
import { close, listen } from './serve.ts'

/** What goes wrong with one exchange. Byte positions count the body. */
export type Fault =
  /** The connection is reset after so many bytes of the answer, or of what the client sends. */
  | { readonly kind: 'cut-answer'; readonly at: number }
  | { readonly kind: 'cut-request'; readonly at: number }
  | {
      readonly kind: 'status'
      readonly status: number
      readonly headers?: Record<string, string>
      readonly body?: string
    }
  /** After so many bytes of the answer nothing more comes, and the connection stays. */
  | { readonly kind: 'stall'; readonly at: number }
  /** The answer ends so many bytes early, and its length says so too. */
  | { readonly kind: 'shorten'; readonly by: number }
  /** One bit of the answer is another, its length is right. */
  | { readonly kind: 'corrupt'; readonly at: number }
  /** The registry hears the request without its query, or the client the answer without this header. */
  | { readonly kind: 'drop-query' }
  | { readonly kind: 'drop-header'; readonly name: string }
  /** The request waits for `until` before the registry hears of it; a client that leaves takes it back. */
  | { readonly kind: 'hold-request'; readonly until: Promise<unknown> }
  /** The exchange happens and waits for `until` before the client hears of it. */
  | { readonly kind: 'hold'; readonly until: Promise<unknown> }

export interface FaultRule {
  readonly method?: string
  readonly path: RegExp
  readonly fault: Fault
  /** How many exchanges it strikes; all of them when not given. */
  readonly times?: number
}

export interface FlakyProxy {
  readonly url: string
  /** `METHOD /path` of every request, in order. */
  readonly log: readonly string[]
  /** When each of them came, by `Date.now()`. */
  readonly times: readonly number[]
  /** Rules are tried in order; the first that matches strikes. */
  add(rule: FaultRule): void
  /** Ends all faults. */
  heal(): void
  close(): Promise<void>
}

/** An HTTP proxy before a real registry, for the ways in which networks and registries fail. */
export async function startFlakyProxy(target: string): Promise<FlakyProxy> {
  const upstream = new URL(target)
  const log: string[] = []
  const times: number[] = []
  let rules: { rule: FaultRule; left: number }[] = []
  const strike = (method: string, path: string): Fault | undefined => {
    const found = rules.find(
      ({ rule, left }) => left > 0 && (rule.method ?? method) === method && rule.path.test(path),
    )
    if (found !== undefined) found.left--
    return found?.rule.fault
  }
  const server = http.createServer({ requestTimeout: 0 }, (request, response) => {
    const { method = 'GET', url = '/' } = request
    log.push(`${method} ${url}`)
    times.push(Date.now())
    const fault = strike(method, url)
    if (fault?.kind !== 'hold-request') return exchange(upstream, request, response, fault)
    void fault.until.then(() => {
      if (!response.destroyed) exchange(upstream, request, response, undefined)
    })
  })
  const url = await listen(server)
  return {
    url,
    log,
    times,
    add: (rule) => void rules.push({ rule, left: rule.times ?? Number.POSITIVE_INFINITY }),
    heal: () => void (rules = []),
    close: () => close(server, () => server.closeAllConnections()),
  }
}

function exchange(
  upstream: URL,
  request: IncomingMessage,
  response: ServerResponse,
  fault: Fault | undefined,
): void {
  if (fault?.kind === 'status') {
    request.resume()
    response.writeHead(fault.status, fault.headers)
    response.end(fault.body)
    return
  }
  const { hostname: host, port } = upstream
  const { url = '/' } = request
  // The Host stays as the client wrote it: registries build their Locations from it.
  const forward = http.request({
    host,
    port,
    method: request.method,
    path: fault?.kind === 'drop-query' ? url.replace(/\?.*$/, '') : url,
    headers: request.headers,
  })
  const reset = (): void => {
    request.socket.resetAndDestroy()
    forward.destroy()
  }
  forward.on('error', reset)
  response.once('close', () => forward.destroy())
  if (fault?.kind === 'cut-request') request.pipe(limitTo(fault.at, reset)).pipe(forward)
  else request.pipe(forward)
  forward.once('response', (answer) => {
    void relay(answer, response, fault, reset)
  })
}

async function relay(
  answer: IncomingMessage,
  response: ServerResponse,
  fault: Fault | undefined,
  reset: () => void,
) {
  if (fault?.kind === 'hold') await fault.until
  // What the registry breaks off is broken off here.
  answer.once('close', () => answer.complete || reset())
  const headers = { ...answer.headers }
  if (fault?.kind === 'drop-header') delete headers[fault.name]
  const length = Number(headers['content-length'])
  if (fault?.kind === 'shorten') headers['content-length'] = String(length - fault.by)
  response.writeHead(answer.statusCode ?? 502, headers)
  response.flushHeaders()
  if (fault?.kind === 'cut-answer') answer.pipe(limitTo(fault.at, reset)).pipe(response)
  else if (fault?.kind === 'stall')
    answer.pipe(limitTo(fault.at, () => undefined)).pipe(response, { end: false })
  else if (fault?.kind === 'shorten')
    answer.pipe(limitTo(length - fault.by, () => response.end())).pipe(response)
  else if (fault?.kind === 'corrupt') answer.pipe(flipBit(fault.at)).pipe(response)
  else answer.pipe(response)
}

/** Lets `count` bytes through, tells once they are, and swallows the rest. */
function limitTo(count: number, reached: () => void): Transform {
  let seen = 0
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const rest = count - seen
      seen += chunk.length
      if (rest > 0) this.push(chunk.subarray(0, rest))
      if (rest >= 0 && seen >= count) setImmediate(reached)
      done()
    },
  })
}

function flipBit(at: number): Transform {
  let seen = 0
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const place = at - seen
      seen += chunk.length
      const bytes = Buffer.from(chunk)
      if (place >= 0 && place < bytes.length) bytes.writeUInt8(bytes.readUInt8(place) ^ 1, place)
      done(null, bytes)
    },
  })
}
