import { describe, expect, test } from 'vitest'
import { evaluateGates, parsePolicy } from '../index.ts'

function windowAt(now: string, window: object) {
  const policy = parsePolicy({ gates: { window } })
  const nobody = { requesterPersons: [], pusherPersons: [], approvals: [], recalls: [] }
  const input = { ...nobody, kind: 'promote', items: [], tickets: [] } as const
  return evaluateGates({ ...input, policy, now: new Date(now) }).find(({ gate }) => gate === 'window')
}

const workdays = ['mon', 'tue', 'wed', 'thu', 'fri']
const office = { zone: 'Europe/Berlin', open: [{ days: workdays, from: '09:00', to: '17:00' }] }
const nights = { zone: 'America/New_York', open: [{ days: ['fri'], from: '22:00', to: '06:00' }] }
const yearEnd = {
  zone: 'Europe/Berlin',
  freezes: [{ name: 'year end', from: '2026-12-20', to: '2027-01-03' }],
}

describe('the window is open, or waits for the next', () => {
  test.each<[string, object, string, string | null]>([
    ['in office hours', office, '2026-03-02T08:00:00Z', null],
    ['at the first minute', office, '2026-03-02T08:00:00Z', null],
    ['just before', office, '2026-03-02T07:59:59Z', '2026-03-02T08:00:00.000Z'],
    ['at the last minute, which is outside', office, '2026-03-02T16:00:00Z', '2026-03-03T08:00:00.000Z'],
    ['over a weekend', office, '2026-03-06T18:00:00Z', '2026-03-09T08:00:00.000Z'],
    ['over the change to summer time', office, '2026-03-27T18:00:00Z', '2026-03-30T07:00:00.000Z'],
    ['over the change to winter time', office, '2026-10-23T18:00:00Z', '2026-10-26T08:00:00.000Z'],
    ['over midnight, before', nights, '2026-03-07T02:59:00Z', '2026-03-07T03:00:00.000Z'],
    ['over midnight, after', nights, '2026-03-07T10:59:00Z', null],
    ['over midnight, ended', nights, '2026-03-07T11:00:00Z', '2026-03-14T02:00:00.000Z'],
    ['in a freeze', yearEnd, '2026-12-24T12:00:00Z', '2027-01-03T23:00:00.000Z'],
    ['its first instant', yearEnd, '2026-12-19T23:00:00Z', '2027-01-03T23:00:00.000Z'],
    ['before it', yearEnd, '2026-12-19T22:59:59Z', null],
    ['after it', yearEnd, '2027-01-03T23:00:00Z', null],
    ['a freeze and hours', { ...office, ...yearEnd }, '2026-12-24T12:00:00Z', '2027-01-04T08:00:00.000Z'],
    [
      'a window that opens into a freeze',
      { ...office, freezes: [{ name: 'x', from: '2026-03-09T08:30', to: '2026-03-09T12:00' }] },
      '2026-03-06T18:00:00Z',
      '2026-03-09T11:00:00.000Z',
    ],
    [
      'freezes one after the other',
      {
        zone: 'UTC',
        freezes: [
          { name: 'b', from: '2026-03-02', to: '2026-03-02' },
          { name: 'a', from: '2026-03-01', to: '2026-03-01' },
        ],
      },
      '2026-03-01T12:00:00Z',
      '2026-03-03T00:00:00.000Z',
    ],
    [
      'a time that the clocks skip',
      { zone: 'Europe/Berlin', open: [{ days: ['sun'], from: '02:30', to: '04:00' }] },
      '2026-03-29T00:00:00Z',
      '2026-03-29T01:30:00.000Z',
    ],
    [
      'a time that comes twice',
      { zone: 'Europe/Berlin', open: [{ days: ['sun'], from: '02:30', to: '04:00' }] },
      '2026-10-24T12:00:00Z',
      '2026-10-25T00:30:00.000Z',
    ],
    [
      'until midnight',
      { zone: 'UTC', open: [{ days: ['mon'], from: '20:00', to: '24:00' }] },
      '2026-03-02T23:59:59Z',
      null,
    ],
    [
      'a zone of half an hour',
      { zone: 'Asia/Kolkata', open: [{ days: ['mon'], from: '00:00', to: '01:00' }] },
      '2026-03-01T18:30:00Z',
      null,
    ],
  ])('%s', (_, window, now, until) => {
    expect(windowAt(now, window)).toMatchObject({ verdict: until === null ? 'pass' : 'wait', until })
  })

  test('what it waits for is open', () => {
    for (let hour = 0; hour < 24 * 40; hour += 7) {
      const now = new Date(Date.parse('2026-12-10T00:17:00Z') + hour * 3_600_000).toISOString()
      for (const window of [office, nights, yearEnd, { ...office, ...yearEnd }]) {
        const report = windowAt(now, window)
        const open = report?.verdict === 'wait' ? windowAt(report.until ?? '', window) : report
        expect(open?.verdict).toBe('pass')
      }
    }
  })
})

test.each<[object, string]>([
  [{ zone: 'Mars/Olympus', open: office.open }, 'gates.window.zone'],
  [{ zone: 'UTC' }, 'gates.window'],
  [{ zone: 'UTC', open: [{ days: ['mon'], from: '09:00', to: '09:00' }] }, 'gates.window.open[0]'],
  [{ zone: 'UTC', open: [{ days: [], from: '09:00', to: '10:00' }] }, 'gates.window.open[0].days'],
  [{ zone: 'UTC', open: [{ days: ['mo'], from: '09:00', to: '10:00' }] }, 'gates.window.open[0].days[0]'],
  [{ zone: 'UTC', open: [{ days: ['mon'], from: '9:00', to: '25:00' }] }, 'gates.window.open[0].from'],
  [
    { zone: 'UTC', freezes: [{ name: 'x', from: '2026-02-20', to: '2026-02-01' }] },
    'gates.window.freezes[0].to',
  ],
  [
    { zone: 'UTC', freezes: [{ name: 'x', from: '2026-02-30', to: '2026-12-01' }] },
    'gates.window.freezes[0].from',
  ],
])('a window that cannot be is refused: %j', (window, field) => {
  expect(() => parsePolicy({ gates: { window } })).toThrow(
    expect.objectContaining({ issues: expect.arrayContaining([expect.objectContaining({ field })]) }),
  )
})
