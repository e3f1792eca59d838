import { type ClientLimits, openRegistry } from '@sluice/oci'
import { type FlakyProxy, startFlakyProxy } from '@sluice/testkit'
import type { FeedServerOptions } from '../server.ts'
import { memoryIndex } from '../memory-index.ts'
import type { BlobStorage, Caller, RepositoryAddress } from '../ports.ts'
import { authenticate, startTestServer, type TestServer } from '../test-server.ts'

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
    async [Symbol.asyncDispose]() {
      registry.close()
      await proxy[Symbol.asyncDispose]()
      await way.close()
      await upstream[Symbol.asyncDispose]()
    },
  }
}
