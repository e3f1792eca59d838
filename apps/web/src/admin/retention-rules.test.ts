import { expect, test } from 'vitest'
import { EMPTY_RULE, inWords, ruleOf, textOf } from './retention-rules.ts'

const whole = { repositories: ['team/*', 'ops'], keepLast: 10, keepDays: 30, keepTags: ['v*'] }

test.each([
  [whole, 'team/*, ops: keeps the last 10 tags, and what moved within 30 days, and tags named v*'],
  [{ repositories: ['*'], keepDays: 1 }, '*: keeps what moved within 1 day'],
  [ruleOf(EMPTY_RULE), '*: keeps the last 10 tags'],
])('a rule is typed, read back and told: %j', (rule, told) => {
  expect(ruleOf(textOf(rule))).toEqual(rule)
  expect(inWords(rule)).toBe(told)
})

test('what is no rule is told as such, and left to the service to refuse', () => {
  const nothing = ruleOf({ repositories: ' ', keepLast: '', keepDays: '', keepTags: '' })
  expect(nothing).toEqual({ repositories: [] })
  expect(inWords(nothing)).toBe('No repository: keeps nothing yet')
})
