import { feedIndexContract } from './contract-test.ts'
import { memoryIndex } from './memory-index.ts'
import { FEEDS } from './test-server.ts'

feedIndexContract('memory', async () => ({
  index: memoryIndex({ feeds: FEEDS }),
  feedName: 'dev',
  formerName: 'development',
  otherFeedName: 'private',
  principals: ['alice', 'bob'],
}))
