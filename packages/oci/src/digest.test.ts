import { expect, test } from 'vitest'
import { createHasher, digestOf, verifyBytes } from './digest.ts'

const bytes = new TextEncoder().encode('abc')
// FIPS 180-2, the vectors of "abc".
const sha256 = 'sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'
const sha512 =
  'sha512:ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f'

test.each([
  ['sha256', sha256],
  ['sha512', sha512],
] as const)('%s', (algorithm, expected) => {
  expect(digestOf(bytes, algorithm)).toBe(expected)
  const hasher = createHasher(algorithm)
  for (const byte of bytes) hasher.update(Uint8Array.of(byte))
  expect(hasher.digest()).toBe(expected)
  expect(() => verifyBytes(bytes, expected)).not.toThrow()
})

test('sha256 is the default', () => {
  expect(digestOf(bytes)).toBe(sha256)
})

test.each([
  [sha256.replace('ba78', 'ba79'), 'DIGEST_MISMATCH'],
  [sha256.toUpperCase(), 'DIGEST_INVALID'],
  ['md5:900150983cd24fb0d6963f7d28e17f72', 'DIGEST_UNSUPPORTED'],
])('bytes are not %s: %s', (digest, code) => {
  expect(() => verifyBytes(bytes, digest)).toThrow(expect.objectContaining({ code }))
})
