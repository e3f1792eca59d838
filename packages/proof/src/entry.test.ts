import { createHash } from 'node:crypto'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { checkPayload, ENTRY_LIMIT, leafHash, type NewEntry, openEntry, sealEntry } from './entry.ts'
import { ProofError } from './errors.ts'

const bytes = (text: string) => new TextEncoder().encode(text)
const text = (data: Uint8Array) => new TextDecoder().decode(data)
const sha256 = (...parts: Uint8Array[]) => createHash('sha256').update(Buffer.concat(parts)).digest('hex')

const salt = new Uint8Array(16).fill(7)
const entry: NewEntry = {
  type: 'request.created',
  at: new Date('2026-03-01T12:00:00.000Z'),
  actor: 'person-1',
  subjects: ['req-2', 'req-1', 'req-2'],
  payload: { z: 'é', a: 1 },
  salt,
}
const payloadHash = sha256(salt, bytes('{"a":1,"z":"é"}'))
const written = `{"actor":"person-1","at":"2026-03-01T12:00:00.000Z","payload":"${payloadHash}","subjects":["req-2","req-1"],"type":"request.created","v":1}`

test('the form that is for ever', () => {
  const sealed = sealEntry(entry)
  expect(text(sealed.bytes)).toBe(written)
  expect(text(sealed.payload)).toBe('{"a":1,"z":"é"}')
  expect(Buffer.from(sealed.leaf).toString('hex')).toBe(sha256(Uint8Array.of(0), bytes(written)))
  expect(leafHash(sealed.bytes)).toEqual(sealed.leaf)
  expect(sealed.salt).toEqual(salt)
  expect(openEntry(sealed.bytes)).toEqual({
    v: 1,
    type: 'request.created',
    at: '2026-03-01T12:00:00.000Z',
    actor: 'person-1',
    subjects: ['req-2', 'req-1'],
    payload: payloadHash,
  })
})

describe('sealEntry refuses', () => {
  test.each<[string, Partial<Record<keyof NewEntry, unknown>>, string]>([
    ['an empty type', { type: '' }, 'ENTRY_INVALID'],
    ['a type with a space', { type: 'a b' }, 'ENTRY_INVALID'],
    ['a type that is too long', { type: 'a'.repeat(129) }, 'ENTRY_INVALID'],
    ['no actor', { actor: '' }, 'ENTRY_INVALID'],
    ['a line break in the actor', { actor: 'a\n' }, 'ENTRY_INVALID'],
    ['a subject beyond ASCII', { subjects: ['é'] }, 'ENTRY_INVALID'],
    ['an invalid date', { at: new Date(Number.NaN) }, 'ENTRY_INVALID'],
    ['a year with more than four digits', { at: new Date(Date.UTC(12000, 0)) }, 'ENTRY_INVALID'],
    ['a payload that is a list', { payload: [1] }, 'ENTRY_INVALID'],
    ['a payload that is a number', { payload: 12 }, 'ENTRY_INVALID'],
    ['a payload that JSON cannot carry', { payload: { a: Number.NaN } }, 'NOT_JSON'],
    ['a short salt', { salt: new Uint8Array(15) }, 'SALT_INVALID'],
    ['a long salt', { salt: new Uint8Array(33) }, 'SALT_INVALID'],
    [
      'too many subjects',
      { subjects: Array.from({ length: 10_000 }, (_, i) => `subject-${i}`) },
      'ENTRY_TOO_LARGE',
    ],
  ])('%s', (_, change, code) => {
    const seal = () => Reflect.apply(sealEntry, undefined, [{ ...entry, ...change }]) // past the compiler
    expect(seal).toThrow(expect.objectContaining({ code }))
    expect(seal).toThrow(ProofError)
  })
})

test('an entry of exactly 65,535 bytes is sealed, one more is not', () => {
  const filled = (last: number) => ({
    ...entry,
    subjects: [...Array.from({ length: 126 }, (_, i) => String(i).padStart(512, 's')), 'x'.repeat(last)],
  })
  const room = ENTRY_LIMIT - sealEntry(filled(1)).bytes.length + 1
  expect(room).toBeLessThan(512)
  expect(sealEntry(filled(room)).bytes.length).toBe(ENTRY_LIMIT)
  expect(() => sealEntry(filled(room + 1))).toThrow(expect.objectContaining({ code: 'ENTRY_TOO_LARGE' }))
})

describe('openEntry refuses', () => {
  test.each<[string, Uint8Array, string]>([
    ['nothing', bytes(''), 'ENTRY_INVALID'],
    ['white space', bytes(`${written}\n`), 'ENTRY_INVALID'],
    ['a byte order mark', bytes(`\ufeff${written}`), 'ENTRY_INVALID'],
    ['another order of keys', bytes(`{"v":1,${written.slice(1).replace(',"v":1', '')}`), 'ENTRY_INVALID'],
    ['a key twice', bytes(written.replace('"v":1', '"v":1,"v":1')), 'ENTRY_INVALID'],
    ['an unknown field', bytes(written.replace('"v":1', '"v":1,"w":1')), 'ENTRY_INVALID'],
    ['a missing field', bytes(written.replace(',"v":1', '')), 'ENTRY_INVALID'],
    ['another version', bytes(written.replace('"v":1', '"v":2')), 'ENTRY_INVALID'],
    ['a time without milliseconds', bytes(written.replace('.000Z', 'Z')), 'ENTRY_INVALID'],
    ['a day that does not exist', bytes(written.replace('2026-03-01', '2026-02-30')), 'ENTRY_INVALID'],
    ['a hash in upper case', bytes(written.replace(payloadHash, payloadHash.toUpperCase())), 'ENTRY_INVALID'],
    ['a subject twice', bytes(written.replace('"req-1"', '"req-2"')), 'ENTRY_INVALID'],
    ['subjects that are no list', bytes(written.replace('["req-2","req-1"]', '{}')), 'ENTRY_INVALID'],
    ['a list', bytes('[]'), 'ENTRY_INVALID'],
    ['null', bytes('null'), 'ENTRY_INVALID'],
    ['invalid UTF-8', Uint8Array.of(0x22, 0xff, 0x22), 'ENTRY_INVALID'],
    ['more bytes than fit', new Uint8Array(ENTRY_LIMIT + 1), 'ENTRY_TOO_LARGE'],
  ])('%s', (_, data, code) => {
    expect(() => openEntry(data)).toThrow(expect.objectContaining({ code }))
  })

  test('any bytes, with its own error', () => {
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 64 }), fc.json().map(bytes)), (data) => {
        expect(() => openEntry(data)).toThrow(ProofError)
      }),
    )
  })
})

describe('checkPayload', () => {
  const sealed = sealEntry(entry)
  const opened = openEntry(sealed.bytes)
  /** An entry whose hash covers exactly these bytes, as a dishonest writer could make it. */
  const over = (data: Uint8Array) => ({ ...opened, payload: sha256(data) })
  const long = Buffer.concat([salt, bytes('"\\"a"')])

  test.each([
    ['the payload and its salt', opened, salt, sealed.payload, true],
    ['another payload', opened, salt, bytes('{"a":2,"z":"é"}'), false],
    ['another salt', opened, new Uint8Array(16), sealed.payload, false],
    ['a salt that is too short', over(bytes('{}')), new Uint8Array(0), bytes('{}'), false],
    ['a string', over(long), salt, long.subarray(16), false],
    ['the same string with its border moved', over(long), long.subarray(0, 18), long.subarray(18), false],
    ['an object that is not canonical', over(Buffer.concat([salt, bytes('{ }')])), salt, bytes('{ }'), false],
    ['an object that is not whole', over(Buffer.concat([salt, bytes('{')])), salt, bytes('{'), false],
  ])('%s', (_, against, withSalt, payload, expected) => {
    expect(checkPayload(against, withSalt, payload)).toBe(expected)
  })
})
