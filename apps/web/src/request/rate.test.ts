import { expect, test } from 'vitest'
import { addSample, rateOf, type Sample } from './rate.ts'

const seenAt = (...pairs: [number, number][]): Sample[] =>
  pairs.reduce<Sample[]>((seen, [at, bytes]) => addSample(seen, { at, bytes }), [])

test.each([
  ['nothing yet', seenAt(), 0, null],
  ['one event says nothing', seenAt([0, 500]), 900, null],
  ['two in one moment neither', seenAt([0, 0], [100, 500]), 100, null],
  ['two, a second apart', seenAt([0, 0], [1000, 500]), 1000, 500],
  ['still the same a second later: slower', seenAt([0, 0], [1000, 500]), 2000, 250],
  ['a long silence is part of it', seenAt([0, 0], [10_000, 100], [12_000, 2_100]), 12_000, 175],
  ['steadily', seenAt([0, 0], [2000, 200], [4000, 400], [6000, 600], [8000, 800]), 8000, 100],
  ['begun anew by another attempt', seenAt([0, 0], [1000, 900], [2000, 0], [3000, 300]), 3000, 300],
])('%s', (_, seen, now, rate) => {
  expect(rateOf(seen, now)).toBe(rate)
})
