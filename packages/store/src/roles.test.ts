import { expect, test } from 'vitest'
import { scramVerifier } from './roles.ts'

test('a verifier is SCRAM-SHA-256 with a salt of its own', () => {
  const [one, two] = [scramVerifier('pencil'), scramVerifier('pencil')]
  expect(one).toMatch(/^SCRAM-SHA-256\$4096:[A-Za-z0-9+/]{22}==\$[A-Za-z0-9+/]{43}=:[A-Za-z0-9+/]{43}=$/)
  expect(one).not.toBe(two)
})

test.each(['', 'tab\t', 'ä', 'x'.repeat(1025)])('refused: %j', (password) => {
  expect(() => scramVerifier(password)).toThrow(expect.objectContaining({ code: 'invalid' }))
})
