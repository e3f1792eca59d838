import type { Executed, FoundMove } from '@sluice/contract'
import { expect, test } from 'vitest'
import { moveColumns, promotionColumns, toCsv, toNdjson } from './export.ts'

const digest = `sha256:${'a'.repeat(64)}`
const none = { pullCommand: null, tagPullCommand: null }
const promotion: Executed = {
  id: 'p',
  requestId: 'r',
  state: 'SUCCEEDED',
  digest,
  targets: [
    { feed: 'trusted', repository: 'app', tag: '1.0.0', digest, ...none },
    { feed: 'trusted', repository: 'app', tag: '1.0', digest, ...none },
  ],
  requester: '=cmd()',
  approvers: ['a "b"', 'c,d'],
  startedAt: '2026-01-01T00:00:00.000Z',
  finishedAt: null,
}

test('CSV quotes what has to be, and holds no formula', () => {
  expect(toCsv(promotionColumns, [promotion])).toBe(
    'id,request,state,digest,targets,requester,approvers,startedAt,finishedAt\r\n' +
      `p,r,SUCCEEDED,${digest},trusted/app:1.0.0 trusted/app:1.0,'=cmd(),"a ""b"" c,d",2026-01-01T00:00:00.000Z,\r\n`,
  )
})

test('a move names who and why, and leaves empty what there is none of', () => {
  const move: FoundMove = {
    id: '1',
    at: '2026-01-01T00:00:00.000Z',
    feed: 'trusted',
    repository: 'app',
    tag: '1.0.0',
    from: null,
    to: digest,
    by: null,
    requester: 'rita',
    approvers: ['anna', 'otto'],
    reason: 'two\nlines',
    event: null,
    request: 'r',
    promotion: 'p',
  }
  expect(toCsv(moveColumns, [move])).toBe(
    'at,feed,repository,tag,from,to,by,requester,approvers,reason,event,request,promotion\r\n' +
      `2026-01-01T00:00:00.000Z,trusted,app,1.0.0,,${digest},,rita,anna otto,"two\nlines",,r,p\r\n`,
  )
})

test('NDJSON is one promotion a line', () => {
  const lines = toNdjson([promotion, promotion]).split('\n')
  expect(lines).toHaveLength(3)
  expect(JSON.parse(lines[0] ?? '')).toEqual(promotion)
})
