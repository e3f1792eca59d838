import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { PromotionError } from './index.ts'
import { policies, step } from './test-steps.ts'
import { World } from './test-world.ts'

// A model of one request over random histories: whoever decides, withdraws, moves tags, recalls and waits, in
// whatever order. After every step the invariants of DESIGN section 4 that concern a decision are checked.

/** Fixed, so that how many histories land is no matter of luck. */
const SEED = 20_261_125

/** Some histories land, or the invariants would hold for nothing. */
let landed = 0
let tested = 0

test('invariants 4, 5, 8 and 10 hold after every step of any history', () => {
  fc.assert(
    fc.property(policies, fc.array(step, { minLength: 25, maxLength: 40 }), (policy, steps) => {
      const world = new World(policy)
      for (const one of steps) {
        const before = JSON.stringify([world.state, world.promotions, world.approvals, world.landed])
        try {
          world.take(one)
        } catch (error) {
          if (!(error instanceof PromotionError)) throw error
          // A refusal changes nothing.
          assert.equal(JSON.stringify([world.state, world.promotions, world.approvals, world.landed]), before)
        }
        world.holds()
      }
      landed += world.landed.length
      tested += world.tested
    }),
    { numRuns: 1200, seed: SEED },
  )
  expect(landed).toBeGreaterThan(20)
  expect(tested).toBeGreaterThan(5)
})
