import { cachedContentContract, feedIndexContract } from './contract-test.ts'
import { memoryIndex } from './memory-index.ts'
import { FEEDS } from './test-server.ts'

feedIndexContract('memory', async () => ({
  index: memoryIndex({ feeds: FEEDS }),
  feedName: 'dev',
  formerName: 'development',
  otherFeedName: 'private',
  principals: ['alice', 'bob'],
}))

cachedContentContract('memory', async () => ({
  index: memoryIndex({ feeds: [{ id: 'f-hub', name: 'hub', trusted: false, upstream: 'registry.example' }] }),
  proxyName: 'hub',
}))
