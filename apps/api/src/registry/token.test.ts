import { generateKeyPairSync } from 'node:crypto'
import { expect, test } from 'vitest'
import { tokenKey } from './key.ts'
import { type Claims, signToken, TOKEN_LIFE, tokenReader } from './token.ts'

const makeKey = () => tokenKey(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey)
const key = makeKey()
const instance = 'here'
const claims: Claims = {
  principalId: 'p',
  tokenId: null,
  access: [{ type: 'repository', name: 'dev/app', actions: ['pull'], feed: 'f' }],
}
const start = Date.UTC(2026, 0, 1)
const token = signToken(claims, { key, instance, name: 'ada', now: new Date(start) })

test('a token that was read before ends when it says', () => {
  let now = start
  const read = tokenReader({ keys: [key], instance }, () => now)
  expect(read(token)).toEqual(claims)
  now = start + TOKEN_LIFE * 1000 - 1
  expect(read(token)).toEqual(claims)
  now = start + TOKEN_LIFE * 1000
  expect(read(token)).toBeNull()
  expect(read(token)).toBeNull()
})

test('what differs from a remembered token in one character is checked by itself', () => {
  const read = tokenReader({ keys: [key], instance }, () => start)
  expect(read(token)).toEqual(claims)
  const [head, body, signature = ''] = token.split('.')
  const other = signature.startsWith('A') ? `B${signature.slice(1)}` : `A${signature.slice(1)}`
  expect(read([head, body, other].join('.'))).toBeNull()
  expect(read(`${head}.${body}.`)).toBeNull()
})

test.each([
  ['another key', { keys: [makeKey()], instance }],
  ['another instance', { keys: [key], instance: 'elsewhere' }],
])('a token for %s is refused, each time', (_, parts) => {
  const read = tokenReader(parts, () => start)
  expect([read(token), read(token)]).toEqual([null, null])
})

test('a thousand other tokens later it is read as before', () => {
  const read = tokenReader({ keys: [key], instance }, () => start)
  expect(read(token)).toEqual(claims)
  for (let i = 0; i < 1_001; i++) {
    const now = new Date(start)
    expect(read(signToken(claims, { key, instance, name: String(i), now }))).toEqual(claims)
  }
  expect(read(token)).toEqual(claims)
})
