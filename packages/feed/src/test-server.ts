import { createServer, request, type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import type { BlobStorage, Caller, FeedIndex, Verb } from './ports.ts'
import { memoryIndex, type MemoryIndexOptions } from './memory-index.ts'
import { createFeedServer, type FeedServerOptions } from './server.ts'
import { memoryStorage } from './storage/memory.ts'

export const FEEDS = [
  { id: 'f-dev', name: 'dev', trusted: false, formerNames: ['development'] },
  { id: 'f-private', name: 'private', trusted: false },
  { id: 'f-trusted', name: 'trusted', trusted: true, formerNames: ['released'] },
]

/** Credentials of the tests: `Bearer <name>`; who may do what stands here. */
const RIGHTS: Record<string, (feed: string, verb: Verb) => boolean> = {
  admin: () => true,
  alice: (feed, verb) => feed === 'dev' || (feed === 'trusted' && verb === 'pull'),
  bob: (feed) => feed === 'dev' || feed === 'private',
  reader: (feed, verb) => feed === 'dev' && verb === 'pull',
}

export async function authenticate(req: IncomingMessage): Promise<Caller | 'invalid'> {
  const name = req.headers.authorization?.slice('Bearer '.length)
  const rights = name === undefined ? () => false : RIGHTS[name]
  if (rights === undefined) return 'invalid'
  return {
    principalId: name ?? null,
    may: async ({ feed }, verb) => {
      if (rights(feed.name, verb)) return 'allowed'
      return name === undefined ? 'unauthorized' : 'denied'
    },
    readableFeedIds: async () => FEEDS.filter((feed) => rights(feed.name, 'pull')).map(({ id }) => id),
  }
}

/** What the tests read of the JSON that the server sends. */
export interface AnswerDocument {
  readonly errors?: readonly { code: string; message: string; detail?: unknown }[]
  readonly tags?: readonly string[]
  readonly repositories?: readonly string[]
  readonly manifests?: readonly { digest: string }[]
}

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly bytes: Buffer
  /** The body as JSON; empty when it is something else. */
  readonly document: AnswerDocument
  /** The first error's code. */
  readonly code: string | undefined
}

export interface Ask {
  readonly as?: string | null
  readonly headers?: Record<string, string | number>
  readonly body?: Uint8Array | string
}

export interface TestServer extends AsyncDisposable {
  readonly index: FeedIndex
  readonly storage: BlobStorage
  readonly port: number
  readonly failures: unknown[]
  ask(method: string, path: string, ask?: Ask): Promise<Answer>
}

/** A real server on a free port of loopback, asked as alice unless said otherwise. */
export async function startTestServer(
  options: Partial<FeedServerOptions> & { tagRule?: MemoryIndexOptions['tagRule'] } = {},
): Promise<TestServer> {
  const { tagRule, ...rest } = options
  const index = rest.index ?? memoryIndex({ feeds: FEEDS, ...(tagRule && { tagRule }) })
  const storage = rest.storage ?? memoryStorage()
  const failures: unknown[] = []
  const challenge = (scopes: readonly string[]) =>
    `Bearer realm="http://x/token",service="x"${scopes.length > 0 ? `,scope="${scopes.join(' ')}"` : ''}`
  const events = { failed: (error: unknown) => void failures.push(error) }
  const handle = createFeedServer({ index, storage, authenticate, challenge, events, ...rest })
  const server = createServer((req, res) => void handle(req, res))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server has no port')
  const { port } = address
  return {
    index,
    storage,
    port,
    failures,
    ask: (method, path, ask = {}) => send(port, method, path, ask),
    [Symbol.asyncDispose]: () => {
      server.closeAllConnections()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}

function send(port: number, method: string, path: string, { as, headers, body }: Ask): Promise<Answer> {
  const who = as === undefined ? 'alice' : as
  const auth = who === null ? {} : { authorization: `Bearer ${who}` }
  const chunked = headers?.['transfer-encoding'] !== undefined
  const length = body === undefined || chunked ? {} : { 'content-length': Buffer.byteLength(body) }
  return new Promise((resolve, reject) => {
    const req = request({
      port,
      host: '127.0.0.1',
      method,
      path,
      headers: { ...auth, ...length, ...headers },
    })
    req.on('error', reject)
    req.on('response', (res) => {
      const chunks: Buffer[] = []
      res.on('data', (chunk: Buffer) => chunks.push(chunk))
      res.on('error', reject)
      res.on('end', () => {
        const bytes = Buffer.concat(chunks)
        const isJson = bytes.length > 0 && String(res.headers['content-type']).endsWith('json')
        const document: AnswerDocument = isJson ? JSON.parse(bytes.toString()) : {}
        const code = document.errors?.[0]?.code
        resolve({ status: res.statusCode ?? 0, headers: res.headers, bytes, document, code })
      })
    })
    req.end(body)
  })
}
