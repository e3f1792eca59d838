import { type ClientLimits, openRegistry } from '@sluice/oci'
import { type FlakyProxy, startFlakyProxy } from '@sluice/testkit'
import type { FeedServerOptions } from '../server.ts'
import { memoryIndex } from '../memory-index.ts'
import type { BlobStorage, Caller, RepositoryAddress } from '../ports.ts'
import { testBlob, testImage } from '../test-images.ts'
import { pushBlob, pushImage } from '../test-push.ts'
import { authenticate, startTestServer, type TestServer } from '../test-server.ts'

export const IMAGE = testImage({ annotations: { n: '1' } })
export const NEXT = testImage({ annotations: { n: '2' } })
export const BIG = testBlob(Buffer.from(Array.from({ length: 3_000_000 }, (_, i) => (i * 7) % 251)))
export const EMPTY = testBlob('')
/** What `hub/app` is a proxy of. */
export const THERE = 'dev/library/app'

const FEED = { id: 'f-hub', name: 'hub', trusted: false }
const OTHER = { id: 'f-spare', name: 'spare', trusted: false }

export interface TestProxy extends AsyncDisposable {
  /** Has the feed `hub`, a proxy of what `upstream` has below `dev/library`; `spare` is another proxy of the same. */
  readonly proxy: TestServer
  readonly upstream: TestServer
  /** Between the two: counts, and goes wrong. */
  readonly way: FlakyProxy
  /** What was noted, by feed: the last news of its upstream. */
  readonly contact: Map<string, string | null>
  readonly used: string[]
  readonly failures: unknown[]
  /** Asks for a part of `hub/app`. */
  ask(method: string, path: string, headers?: Record<string, string>): ReturnType<TestServer['ask']>
  /** How often the upstream was asked so. */
  asked(method: string, part: string): number
  /** Nothing comes through any more. */
  kill(): void
  /** The upstream answers so, whatever it is asked. */
  away(status: number, headers?: Record<string, string>): void
}

/** Everybody may everything. */
const open = async (): Promise<Caller> => ({
  principalId: 'anybody',
  may: async () => 'allowed',
  readableFeedIds: async () => [],
})

const onlyPull = async (): Promise<Caller> => ({
  principalId: 'reader',
  may: async (_, verb) => (verb === 'pull' ? 'allowed' : 'denied'),
  readableFeedIds: async () => [],
})

const LIMITS: Partial<ClientLimits> = {
  headMs: 300,
  stallMs: 200,
  attempts: 2,
  firstBackoffMs: 1,
  longestBackoffMs: 5,
  longestRetryAfterMs: 1_000,
}

export async function startTestProxy(
  options: Partial<FeedServerOptions> & { room?: number; there?: BlobStorage } = {},
): Promise<TestProxy> {
  const { room, there, ...rest } = options
  const upstream = await startTestServer({ authenticate: open, ...(there && { storage: there }) })
  const way = await startFlakyProxy(`http://127.0.0.1:${upstream.port}`)
  const registry = openRegistry({ baseUrl: way.url, plainHttp: 'loopback', limits: LIMITS })
  const contact = new Map<string, string | null>()
  const used: string[] = []
  const failures: unknown[] = []
  const place = `${new URL(way.url).host}/dev/library`
  const proxy = await startTestServer({
    index: memoryIndex({
      feeds: [FEED, OTHER].map((feed) => ({ ...feed, upstream: place })),
      ...(room !== undefined && { room: { [FEED.id]: room } }),
    }),
    authenticate: async (req) => {
      const caller = await authenticate(req)
      if (caller === 'invalid' || caller.principalId === null) return caller
      return caller.principalId === 'reader' ? onlyPull() : open()
    },
    upstreams: {
      open: async ({ repository }: RepositoryAddress) => ({
        repository: registry.repository(`dev/library/${repository}`),
      }),
      noteUse: ({ repository }, digest) => void used.push(`${repository}@${digest}`),
      noteContact: ({ id }, failure) => void contact.set(id, failure),
    },
    ...rest,
    events: {
      failed: (error) => void failures.push(error),
      upstreamFailed: (_address, error) => void failures.push(error),
    },
  })
  return {
    proxy,
    upstream,
    way,
    contact,
    used,
    failures,
    ask: (method, path, headers = {}) => proxy.ask(method, `/v2/hub/app/${path}`, { headers }),
    asked: (method, part) =>
      way.log.filter((line) => line.startsWith(`${method} `) && line.includes(part)).length,
    kill: () => way.add({ path: /./, fault: { kind: 'hold-request', until: new Promise(() => {}) } }),
    away: (status, headers = {}) => way.add({ path: /./, fault: { kind: 'status', status, headers } }),
    async [Symbol.asyncDispose]() {
      registry.close()
      await proxy[Symbol.asyncDispose]()
      await way.close()
      await upstream[Symbol.asyncDispose]()
    },
  }
}

/** The upstream has an image under `v1`, and two blobs beside it. */
export async function startFilledProxy(): Promise<TestProxy> {
  const world = await startTestProxy()
  await pushImage(world.upstream, THERE, IMAGE, 'v1')
  for (const blob of [BIG, EMPTY]) await pushBlob(world.upstream, THERE, blob)
  return world
}
