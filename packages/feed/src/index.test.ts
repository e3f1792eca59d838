import { expect, it } from 'vitest'
import * as contract from './contract-test.ts'
import * as face from './index.ts'
import * as memory from './memory-index.ts'
import * as storage from './storage/index.ts'
import * as registry from './test-registry.ts'

it('has this public face', () => {
  expect(Object.keys(face).sort()).toEqual([
    'DEFAULT_LIMITS',
    'FeedError',
    'STATUS',
    'createFeedServer',
    'overQuota',
    'requireCondition',
    'tagListing',
  ])
  expect(Object.keys(storage).sort()).toEqual([
    'folderStorage',
    'memoryStorage',
    'newStorageKey',
    'openStorage',
  ])
  expect(Object.keys(memory)).toEqual(['memoryIndex'])
  expect(Object.keys(registry)).toEqual(['startFeed'])
  expect(Object.keys(contract).sort()).toEqual([
    'blobStorageContract',
    'cachedContentContract',
    'feedIndexContract',
  ])
})
