import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { sealWith } from './seal.ts'

const secret = createHash('sha256').update('one').digest()
const seal = sealWith(secret)
const refused = expect.objectContaining({ code: 'secret_unusable' })

test('what is sealed opens in its place, and looks different each time', () => {
  const [one, two] = [seal.close('hünter2', 'feed:a credential'), seal.close('hünter2', 'feed:a credential')]
  expect(seal.open(one, 'feed:a credential')).toBe('hünter2')
  expect(one.equals(two)).toBe(false)
  expect(one.includes('nter2')).toBe(false)
})

const sealed = seal.close('hunter2', 'feed:a credential')
const flipped = (at: number) => sealed.map((byte, i) => (i === at ? byte ^ 1 : byte))

test.each([
  ['under another secret', sealWith(secret.map((byte) => byte ^ 1)), sealed, 'feed:a credential'],
  ['without a secret', sealWith(undefined), sealed, 'feed:a credential'],
  ['for another feed', seal, sealed, 'feed:b credential'],
  ['as another secret of the feed', seal, sealed, 'feed:a client key'],
  ['of an unknown form', seal, flipped(0), 'feed:a credential'],
  ['with a changed byte', seal, flipped(14), 'feed:a credential'],
  ['with a changed tag', seal, flipped(sealed.length - 1), 'feed:a credential'],
  ['cut short', seal, sealed.subarray(0, 20), 'feed:a credential'],
])('%s it does not open', (_how, opener, bytes, context) => {
  expect(() => opener.open(bytes, context)).toThrow(refused)
})

test('without a secret nothing is sealed', () => {
  expect(() => sealWith(undefined).close('x', 'y')).toThrow(refused)
})
