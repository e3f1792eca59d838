import { startFeed } from './feed-registry.ts'
import { describeRegistry } from './registry-contract.ts'

describeRegistry('our own feed', startFeed)
