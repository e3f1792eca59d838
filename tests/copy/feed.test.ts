import { startFeed } from '@sluice/feed/test-registry'
import { describeRegistry } from './registry-contract.ts'

describeRegistry('our own feed', startFeed)
