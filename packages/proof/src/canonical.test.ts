import { readFileSync } from 'node:fs'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { canonicalJson, type JsonValue } from './canonical.ts'
import { ProofError } from './errors.ts'

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes)
const read = (name: string) => readFileSync(new URL(`testdata/rfc8785/${name}`, import.meta.url))

// The vectors published with RFC 8785, github.com/cyberphone/json-canonicalization, testdata.
test.each(['arrays', 'french', 'structures', 'unicode', 'values', 'weird'])('RFC 8785 vector %s', (name) => {
  const input: JsonValue = JSON.parse(read(`${name}.input.json`).toString('utf8'))
  expect(Buffer.from(canonicalJson(input))).toEqual(read(`${name}.output.json`))
})

// RFC 8785, appendix B: the bits of the double and its text.
test.each([
  ['0000000000000000', '0'],
  ['8000000000000000', '0'],
  ['0000000000000001', '5e-324'],
  ['8000000000000001', '-5e-324'],
  ['7fefffffffffffff', '1.7976931348623157e+308'],
  ['ffefffffffffffff', '-1.7976931348623157e+308'],
  ['4340000000000000', '9007199254740992'],
  ['c340000000000000', '-9007199254740992'],
  ['4430000000000000', '295147905179352830000'],
  ['44b52d02c7e14af5', '9.999999999999997e+22'],
  ['44b52d02c7e14af6', '1e+23'],
  ['44b52d02c7e14af7', '1.0000000000000001e+23'],
  ['444b1ae4d6e2ef4e', '999999999999999700000'],
  ['444b1ae4d6e2ef4f', '999999999999999900000'],
  ['444b1ae4d6e2ef50', '1e+21'],
  ['3eb0c6f7a0b5ed8c', '9.999999999999997e-7'],
  ['3eb0c6f7a0b5ed8d', '0.000001'],
  ['41b3de4355555553', '333333333.3333332'],
  ['41b3de4355555554', '333333333.33333325'],
  ['41b3de4355555555', '333333333.3333333'],
  ['41b3de4355555556', '333333333.3333334'],
  ['41b3de4355555557', '333333333.33333343'],
  ['becbf647612f3696', '-0.0000033333333333333333'],
  ['43143ff3c1cb0959', '1424953923781206.2'],
])('number %s is %s', (bits, expected) => {
  expect(text(canonicalJson(Buffer.from(bits, 'hex').readDoubleBE()))).toBe(expected)
})

describe('refuses what JSON cannot carry', () => {
  const cycle: unknown[] = []
  cycle.push(cycle)
  test.each<[string, unknown, string]>([
    ['undefined', undefined, 'NOT_JSON'],
    ['an undefined member', { a: undefined }, 'NOT_JSON'],
    ['a function', { a: () => 1 }, 'NOT_JSON'],
    ['a symbol', Symbol('a'), 'NOT_JSON'],
    ['a bigint', 1n, 'NOT_JSON'],
    ['NaN', [Number.NaN], 'NOT_JSON'],
    ['Infinity', Number.NEGATIVE_INFINITY, 'NOT_JSON'],
    ['a hole', Object.assign([], { 1: 2 }), 'NOT_JSON'],
    ['a date', new Date(0), 'NOT_JSON'],
    ['bytes', new Uint8Array(2), 'NOT_JSON'],
    ['a lone high surrogate', 'a\ud800', 'NOT_JSON'],
    ['a lone low surrogate in a key', { '\udc00': 1 }, 'NOT_JSON'],
    ['a cycle', cycle, 'TOO_DEEP'],
  ])('%s', (_, value, code) => {
    const write = () => Reflect.apply(canonicalJson, undefined, [value]) // past the compiler
    expect(write).toThrow(expect.objectContaining({ code }))
    expect(write).toThrow(ProofError)
  })
})

test('a member named __proto__ is a member like any other', () => {
  expect(text(canonicalJson(JSON.parse('{"b":1,"__proto__":{"a":2}}')))).toBe('{"__proto__":{"a":2},"b":1}')
})

test('reads back as the same value and is its own canonical form', () => {
  fc.assert(
    fc.property(fc.json({ stringUnit: 'grapheme', maxDepth: 5 }), (source) => {
      const value: JsonValue = JSON.parse(source)
      const bytes = canonicalJson(value)
      const back: JsonValue = JSON.parse(text(bytes))
      expect(JSON.stringify(sorted(back))).toBe(JSON.stringify(sorted(value)))
      expect(text(canonicalJson(back))).toBe(text(bytes))
    }),
  )
})

/** The same value with its members in one order, made without the code under test. */
function sorted(value: JsonValue): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  return Object.entries(value)
    .map(([key, member]) => [key, sorted(member)])
    .sort(([a], [b]) => (String(a) < String(b) ? -1 : 1))
}
