import * as fc from 'fast-check'
import { type Asked, OTHER, PINNED, type Step } from './test-world.ts'

const DIGESTS = [PINNED, OTHER, null] as const
const PEOPLE = ['rita', 'owner', 'paul', 'anna', 'otto', 'olga'] as const

const who = fc.constantFrom(...PEOPLE)
/** What may happen next in a history. */
export const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 14,
    arbitrary: fc.record({
      do: fc.constant('approve' as const),
      who,
      digest: fc.constantFrom(PINNED, PINNED, PINNED, DIGESTS[1]),
      robot: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('reject' as const),
      who,
      digest: fc.constant(PINNED),
      robot: fc.constant(false),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('revoke' as const, 'disable' as const), who }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('wait' as const), hours: fc.integer({ min: 1, max: 30 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constantFrom('moveSource' as const, 'moveTarget' as const),
      to: fc.constantFrom(null, null, ...DIGESTS),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('test' as const),
      result: fc.constantFrom('PASSED' as const, 'PASSED' as const, 'PASSED' as const, 'FAILED' as const),
      from: fc.constantFrom('key:ci', 'key:ci', 'user:rita'),
      digest: fc.constantFrom(PINNED, PINNED, PINNED, OTHER),
    }),
  },
  { weight: 12, arbitrary: fc.record({ do: fc.constantFrom('start' as const, 'commit' as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constantFrom(
        'cancel' as const,
        'recall' as const,
        'restore' as const,
        'tamper' as const,
        'break' as const,
        'retry' as const,
      ),
    }),
  },
)

/** What a lane may ask for. */
export const policies: fc.Arbitrary<Asked> = fc.record({
  quorum: fc.constantFrom([{ count: 1 }], [{ count: 2 }], [{ count: 1, group: 'qa' }, { count: 1 }]),
  pusher: fc.boolean(),
  soak: fc.boolean(),
  tests: fc.boolean(),
})
