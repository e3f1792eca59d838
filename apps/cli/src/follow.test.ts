import { PassThrough } from 'node:stream'
import type { RequestEvent, RequestItem } from '@sluice/contract'
import { expect, test } from 'vitest'
import { createFollower } from './follow.ts'
import { progressLines, progressText } from './progress.ts'

const item = (repository: string): RequestItem => ({
  digest: `sha256:${'a'.repeat(64)}`,
  mediaType: 'application/vnd.oci.image.manifest.v1+json',
  platforms: [],
  closure: { manifests: 1, blobs: 2, bytes: 1 },
  drift: null,
  source: { feed: 'dev', repository, tag: '1' },
  target: { feed: 'prod', address: null, repository, tags: [{ tag: '1', expected: null }] },
  pullCommand: null,
  tagPullCommand: null,
})
const counts = (bytes: number, totalBytes: number) => ({ bytes, totalBytes, blobs: 1, totalBlobs: 2 })
const progress = (bytes: number, bytesPerSecond: number | null = 30_000_000) => ({
  ...counts(bytes, 200_000_000),
  bytesPerSecond,
  secondsLeft: bytesPerSecond === null ? null : 75,
  items: [counts(bytes, 150_000_000), { ...counts(0, 50_000_000), blobs: 0, totalBlobs: 1 }],
})

test('a line an item with its bar, and of several one for all with rate and time left', () => {
  expect(progressLines([item('team/app'), item('web')], progress(75_000_000), 120)).toEqual([
    'prod/team/app:1  [##########----------]  75 MB of 150 MB  1 of 2 blobs',
    'prod/web:1       [--------------------]  0 B of 50 MB  0 of 1 blob',
    'all              [#######-------------]  75 MB of 200 MB  1 of 2 blobs  30 MB/s  1 min 15 s left',
  ])
  const one = { ...progress(1_500_000), items: [counts(1_500_000, 200_000_000)] }
  expect(progressLines([item('web')], one, 120)).toEqual([
    'prod/web:1  [--------------------]  1.5 MB of 200 MB  1 of 2 blobs  30 MB/s  1 min 15 s left',
  ])
})

test.each([
  ['narrow', 30, 29],
  ['of no width', 0, 1],
])('lines fit a terminal that is %s', (_, columns, length) => {
  const lines = progressLines([item('a'.repeat(200))], progress(1), columns)
  expect(lines.map((line) => line.length)).toEqual([length])
})

test.each([
  [progress(50_000_000), '50 MB of 200 MB (25 %), 1 of 2 blobs, 30 MB/s, 1 min 15 s left'],
  [progress(0, null), '0 B of 200 MB (0 %), 1 of 2 blobs'],
  [{ ...progress(0), secondsLeft: 7_300 }, '0 B of 200 MB (0 %), 1 of 2 blobs, 30 MB/s, 2 h 1 min left'],
  [{ ...progress(0), secondsLeft: 1e7 }, '0 B of 200 MB (0 %), 1 of 2 blobs, 30 MB/s'],
  [{ ...progress(0, null), totalBytes: 0 }, '0 B of 0 B (0 %), 1 of 2 blobs'],
])('in words %#', (told, words) => {
  expect(progressText(told)).toBe(words)
})

const event = (step: string, bytes: number, state: 'RUNNING' | 'SUCCEEDED' = 'RUNNING'): RequestEvent => ({
  state: 'APPROVED',
  promotion: {
    id: '1',
    requestId: '2',
    state,
    attempt: 1,
    step,
    steps: [],
    progress: progress(bytes),
    error: null,
    startedAt: null,
    finishedAt: null,
  },
})

function follow(isTTY: boolean) {
  let now = 0
  const [stdout, stderr] = [new PassThrough(), new PassThrough()].map((stream) =>
    Object.assign(stream, { isTTY, columns: 100 }),
  )
  if (stdout === undefined || stderr === undefined) throw new Error('there are two')
  const follower = createFollower({ env: {}, stdin: new PassThrough(), stdout, stderr }, () => now)
  return {
    tell(seconds: number, told: RequestEvent): string {
      now = seconds * 1000
      follower.tell([item('web')], told)
      return String(stderr.read() ?? '')
    },
    end(): string {
      follower.end()
      return String(stderr.read() ?? '')
    },
  }
}

test('without a terminal: a line a step, and while bytes move one each ten seconds', () => {
  const { tell, end } = follow(false)
  expect(tell(0, { state: 'PENDING', promotion: null })).toBe('PENDING    waits for approval\n')
  expect(tell(50, { state: 'PENDING', promotion: null })).toBe('')
  expect(tell(51, event('copy', 0))).toBe('RUNNING    copy\n')
  expect(tell(60, event('copy', 1))).toBe('')
  expect(tell(61, event('copy', 50_000_000))).toBe(
    'RUNNING    copy  50 MB of 200 MB (25 %), 1 of 2 blobs, 30 MB/s, 1 min 15 s left\n',
  )
  expect(tell(70, event('copy', 60_000_000))).toBe('')
  expect(tell(71, event('verify', 60_000_000))).toBe('RUNNING    verify\n')
  expect(tell(90, event('verify', 60_000_000, 'SUCCEEDED'))).toBe('SUCCEEDED  verify\n')
  expect(end()).toBe('')
})

test('on a terminal bars are painted over, and gone at the end', () => {
  const { tell, end } = follow(true)
  const wiped = '\u001b[1A\u001b[J'
  const bars = (full: number, amount: string) =>
    `prod/web:1  [${'#'.repeat(full)}${'-'.repeat(20 - full)}]  ${amount} of 150 MB  1 of 2 blobs  30 MB/s  1 min 15 s left\n`
  expect(tell(0, event('copy', 0))).toBe(`RUNNING    copy\n${bars(0, '0 B')}`)
  expect(tell(1, event('copy', 75_000_000))).toBe(`${wiped}${bars(10, '75 MB')}`)
  expect(tell(2, event('verify', 0))).toBe(`${wiped}RUNNING    verify\n${bars(0, '0 B')}`)
  expect(end()).toBe(wiped)
  expect(end()).toBe('')
})
