import { expect, test } from 'vitest'
import { readJob } from './job.ts'

const promotionId = '01890000-0000-7000-8000-000000000001'

test('the ids are read, and nothing else', () => {
  expect(readJob({ promotionId, attempt: 2, more: 'x' })).toEqual({ promotionId, attempt: 2 })
})

test.each([
  null,
  undefined,
  7,
  'x',
  {},
  { promotionId },
  { promotionId, attempt: '1' },
  { promotionId, attempt: 1.5 },
])('%j names nothing', (data) => expect(readJob(data)).toBeNull())

test('an id that Postgres would choke on names nothing', () => {
  expect(readJob({ promotionId: "1'; drop", attempt: 1 })).toBeNull()
})
