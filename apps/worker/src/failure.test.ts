import { FeedError } from '@sluice/feed'
import { OciError, RegistryError } from '@sluice/oci'
import { StoreError } from '@sluice/store'
import { expect, test } from 'vitest'
import { WorkerError } from './errors.ts'
import { judge } from './failure.ts'

test.each([
  [new StoreError('fenced', 'x'), { kind: 'fenced' }],
  [new WorkerError('lease_lost', 'x'), { kind: 'fenced' }],
  [new StoreError('target_moved', 'x'), { kind: 'refused', code: 'target_moved', message: 'x' }],
  [new StoreError('request_expired', 'x'), { kind: 'refused', code: 'request_expired', message: 'x' }],
  [new WorkerError('closure_incomplete', 'x'), { kind: 'refused', code: 'closure_incomplete', message: 'x' }],
  [new OciError('DIGEST_MISMATCH', 'x'), { kind: 'refused', code: 'closure_incomplete', message: 'x' }],
  [new StoreError('unavailable', 'x'), { kind: 'broke', code: 'unavailable' }],
  [new WorkerError('worker_stopped', 'x'), { kind: 'broke', code: 'worker_stopped' }],
  [new StoreError('purged', 'x'), { kind: 'refused', code: 'purged', message: 'x' }],
  [new StoreError('tag_alerted', 'x'), { kind: 'refused', code: 'tag_alerted', message: 'x' }],
  // Bytes that were damaged on their way may come right the next time; wrong ones land at no time.
  [new RegistryError('wrong_digest', 'x'), { kind: 'broke', code: 'wrong_digest', forGood: false }],
  [new RegistryError('wrong_length', 'x'), { kind: 'broke', code: 'wrong_length', forGood: false }],
  [new RegistryError('closure_differs', 'x'), { kind: 'refused', code: 'closure_differs' }],
  [new RegistryError('server_error', 'x'), { kind: 'broke', code: 'server_error', forGood: false }],
  [new RegistryError('dns', 'x'), { kind: 'broke', code: 'dns', forGood: false }],
  [
    new RegistryError('forbidden', 'reg.example said no'),
    {
      kind: 'broke',
      code: 'forbidden',
      forGood: true,
      message:
        'During the step "verify": reg.example said no; give the feed credentials that may do this there, then retry.',
    },
  ],
  [new WorkerError('destination_lost', 'x'), { kind: 'broke', code: 'destination_lost', forGood: false }],
  [Object.assign(new Error('x'), { code: 'ENOSPC' }), { kind: 'broke', code: 'storage_full' }],
  [new FeedError('BLOB_MISSING', 'x'), { kind: 'broke', code: 'storage_failed' }],
  [new WorkerError('tag_not_set', 'x'), { kind: 'broke', code: 'tag_not_set', forGood: false }],
  [
    new WorkerError('unsupported', 'x. Do y'),
    {
      kind: 'broke',
      code: 'unsupported',
      forGood: true,
      message: 'During the step "verify": x. Do y.',
    },
  ],
  [new WorkerError('feed_changed', 'x'), { kind: 'broke', code: 'feed_changed', forGood: false }],
  // Refusals that tell of a mistake of ours, and whatever else is thrown, are machinery.
  [new StoreError('entry_missing', 'x'), { kind: 'broke', code: 'internal' }],
  [new TypeError('x'), { kind: 'broke', code: 'internal' }],
  ['x', { kind: 'broke', code: 'internal' }],
])('%s', (error, failure) => {
  expect(judge(error, 'verify')).toMatchObject(failure)
})

test('what machinery says stays out of the message', () => {
  const failure = judge(new Error('password=secret'), 'verify')
  expect(JSON.stringify(failure)).not.toContain('secret')
  expect(failure).toMatchObject({ message: expect.stringContaining('verify') })
})
