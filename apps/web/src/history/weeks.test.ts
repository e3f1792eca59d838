import { expect, test } from 'vitest'
import { byWeek, median } from './weeks.ts'

const local = (text: string) => new Date(text).toISOString()
const request = (
  created: string,
  decided: string | null,
  state: 'SUCCEEDED' | 'FAILED' | 'RUNNING' | null,
  finished: string | null,
) => ({
  createdAt: local(created),
  decidedAt: decided === null ? null : local(decided),
  promotion: state === null ? null : { state, finishedAt: finished === null ? null : local(finished) },
})

test('each promotion counts in the week in which it ended', () => {
  const requests = [
    request('2026-06-01T10:00', '2026-06-01T11:00', 'SUCCEEDED', '2026-06-01T12:00'),
    request('2026-05-31T10:00', '2026-06-07T23:00', 'SUCCEEDED', '2026-06-08T00:00'),
    request('2026-06-07T10:00', '2026-06-07T13:00', 'FAILED', '2026-06-07T23:59'),
    request('2026-06-09T10:00', null, null, null),
    request('2025-01-10T10:00', '2025-01-10T10:00', 'SUCCEEDED', '2025-01-10T11:00'),
    request('2026-06-09T10:00', '2026-06-09T10:30', 'RUNNING', null),
  ]
  const hour = 3_600_000
  // A Wednesday; weeks begin on Monday.
  expect(byWeek(requests, new Date('2026-06-10T09:00'), 3)).toEqual([
    { monday: '2026-05-25', promoted: 0, failed: 0, lead: null, wait: null },
    { monday: '2026-06-01', promoted: 1, failed: 1, lead: 2 * hour, wait: 3 * hour },
    { monday: '2026-06-08', promoted: 1, failed: 0, lead: 182 * hour, wait: hour / 2 },
  ])
})

test.each([
  [[], null],
  [[3], 3],
  [[9, 1, 5], 5],
  [[4, 1, 2, 3], 2.5],
])('the median of %j is %s', (values, middle) => {
  expect(median(values)).toBe(middle)
})
