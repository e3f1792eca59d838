import { expect, test } from 'vitest'
import { lineOf, readYaml, writeYaml } from './policy-yaml.ts'

const text = 'gates:\n  quorum:\n    - count: 2\n      group: qa\n  soak:\n    minutes: 5\n'

test('what is written is read', () => {
  const { policy } = readYaml(text)
  expect(policy).toEqual({ gates: { quorum: [{ count: 2, group: 'qa' }], soak: { minutes: 5 } } })
  expect(readYaml(writeYaml(policy)).policy).toEqual(policy)
  expect(readYaml('').policy).toEqual({})
})

test.each([
  ['gates: [', 1],
  ['gates:\n  a: 1\n  a: 2', 3],
  ['- a', 1],
  ['text', 1],
])('%j is wrong in line %i', (wrong, line) => {
  expect(readYaml(wrong)).toMatchObject({ policy: null, mistakes: [{ line }] })
})

test.each([
  ['policy.gates.quorum[0].group', 4],
  ['gates.soak.minutes', 6],
  ['policy.gates.soak.seconds', 6],
  ['policy.other', null],
])('%s is in line %s', (field, line) => {
  expect(lineOf(text, field)).toBe(line)
})
