import { once } from 'node:events'
import { createServer } from 'node:http'
import { memoryIndex } from './memory-index.ts'
import { createFeedServer } from './server.ts'
import { memoryStorage } from './storage/memory.ts'

/** A registry that a test can reach. */
export interface Served {
  readonly url: string
  /** Goes before a repository's name: our feeds are the first part of it. */
  readonly prefix: string
  stop(): Promise<void>
}

/**
 * Our own registry in this process, with one feed in memory, open to everybody: what the tests of other rooms copy from,
 * to and through.
 */
export async function startFeed(): Promise<Served> {
  const handle = createFeedServer({
    index: memoryIndex({ feeds: [{ id: 'f-dev', name: 'dev', trusted: false }] }),
    storage: memoryStorage(),
    authenticate: async () => ({
      principalId: 'ci',
      may: async () => 'allowed',
      readableFeedIds: async () => ['f-dev'],
    }),
    challenge: () => 'Basic realm="test"',
  })
  const server = createServer({ requestTimeout: 0 }, (request, response) => void handle(request, response))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the feed has no port')
  return {
    url: `http://127.0.0.1:${address.port}`,
    prefix: 'dev/',
    async stop() {
      const closed = once(server, 'close')
      server.closeAllConnections()
      server.close()
      await closed
    },
  }
}
