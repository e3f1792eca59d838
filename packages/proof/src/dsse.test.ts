import { constants, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import {
  openEnvelope,
  ProofError,
  parsePublicKey,
  preAuthEncoding,
  verifyEnvelope,
  verifySignature,
} from './index.ts'

const pairs = {
  'ecdsa-p256': generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  ed25519: generateKeyPairSync('ed25519'),
  rsa: generateKeyPairSync('rsa', { modulusLength: 2048 }),
}
type Kind = keyof typeof pairs
const kinds: readonly Kind[] = ['ecdsa-p256', 'ed25519', 'rsa']

function pem(key: KeyObject): string {
  return key.export({ type: 'spki', format: 'pem' }).toString()
}

/** By node:crypto, so that our verification is held to another implementation. */
function signed(kind: Kind, message: Uint8Array): Buffer {
  return sign(kind === 'ed25519' ? null : 'sha256', message, pairs[kind].privateKey)
}

function envelope(kind: Kind, payload: string, payloadType = 'application/vnd.in-toto+json') {
  const bytes = new TextEncoder().encode(payload)
  const sig = signed(kind, preAuthEncoding(payloadType, bytes)).toString('base64')
  return { payloadType, payload: Buffer.from(payload).toString('base64'), signatures: [{ keyid: 'x', sig }] }
}

const codeOf = (run: () => unknown): string | null => {
  try {
    run()
    return null
  } catch (error) {
    if (error instanceof ProofError) return error.code
    throw error
  }
}

test('what is signed: the vector of protocol.md', () => {
  const bytes = preAuthEncoding('http://example.com/HelloWorld', new TextEncoder().encode('hello world'))
  expect(new TextDecoder().decode(bytes)).toBe('DSSEv1 29 http://example.com/HelloWorld 11 hello world')
  const ours = preAuthEncoding('tüp', new Uint8Array())
  expect(new TextDecoder().decode(ours)).toBe('DSSEv1 4 tüp 0 ')
})

test('the signature of protocol.md verifies with its key', async () => {
  const x = 46950820868899156662930047687818585632848591499744589407958293238635476079160n
  const y = 5640078356564379163099075877009565129882514886557779369047442380624545832820n
  const hex = (n: bigint) => n.toString(16).padStart(64, '0')
  const der = `3059301306072a8648ce3d020106082a8648ce3d03010703420004${hex(x)}${hex(y)}`
  const key = parsePublicKey(
    `-----BEGIN PUBLIC KEY-----\n${Buffer.from(der, 'hex').toString('base64')}\n-----END PUBLIC KEY-----\n`,
  )
  const raw = Buffer.from(
    'A3JqsQGtVsJ2O2xqrI5IcnXip5GToJ3F+FnZ+O88SjtR6rDAajabZKciJTfUiHqJPcIAriEGAHTVeCUjW2JIZA==',
    'base64',
  )
  const integer = (bytes: Buffer) => {
    const unsigned = bytes[0]! & 0x80 ? Buffer.concat([Buffer.of(0), bytes]) : bytes
    return Buffer.concat([Buffer.of(2, unsigned.length), unsigned])
  }
  const body = Buffer.concat([integer(raw.subarray(0, 32)), integer(raw.subarray(32))])
  const message = preAuthEncoding('http://example.com/HelloWorld', new TextEncoder().encode('hello world'))
  expect(await verifySignature(key, message, Buffer.concat([Buffer.of(0x30, body.length), body]))).toBe(true)
})

describe.each(kinds)('%s', (kind) => {
  const key = parsePublicKey(pem(pairs[kind].publicKey))

  test('is read as what it is', () => {
    expect(key.kind).toBe(kind)
    expect(key.fingerprint).toMatch(/^sha256:[0-9a-f]{64}$/)
  })

  test('verifies what its private half signed, and nothing else', async () => {
    const good = envelope(kind, '{"a":1}')
    expect(await verifyEnvelope(openEnvelope(good), key)).toBe(true)
    const forged: object[] = [
      { ...good, payload: Buffer.from('{"a":2}').toString('base64') },
      { ...good, payloadType: 'application/json' },
      { ...good, signatures: [{ sig: Buffer.from('nonsense').toString('base64') }] },
      { ...good, signatures: [{ sig: '' }] },
      { ...good, signatures: [{ sig: Buffer.alloc(64).toString('base64') }] },
    ]
    for (const value of forged) expect(await verifyEnvelope(openEnvelope(value), key)).toBe(false)
    for (const other of kinds.filter((one) => one !== kind)) {
      expect(await verifyEnvelope(openEnvelope(envelope(other, '{"a":1}')), key)).toBe(false)
    }
  })

  test('finds its signature among others', async () => {
    const own = envelope(kind, 'x')
    const mixed = { ...own, signatures: [{ sig: 'AAAA' }, ...own.signatures] }
    expect(await verifyEnvelope(openEnvelope(mixed), key)).toBe(true)
  })
})

test('RSA-PSS and a signature over SHA-1 are not taken', async () => {
  const key = parsePublicKey(pem(pairs.rsa.publicKey))
  const message = Buffer.from('m')
  const { privateKey } = pairs.rsa
  const pss = sign('sha256', message, { key: privateKey, padding: constants.RSA_PKCS1_PSS_PADDING })
  expect(await verifySignature(key, message, pss)).toBe(false)
  expect(await verifySignature(key, message, sign('sha1', message, privateKey))).toBe(false)
})

test.each([
  ['', 'nothing'],
  ['-----BEGIN PUBLIC KEY-----\n!!!\n-----END PUBLIC KEY-----', 'no base64'],
  ['-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----', 'no key'],
  [pem(generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey), 'a short RSA key'],
  [pem(generateKeyPairSync('ec', { namedCurve: 'secp384r1' }).publicKey), 'another curve'],
  [pairs.ed25519.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), 'a private key'],
  [`-----BEGIN PUBLIC KEY-----${' '.repeat(200_000)}`, 'a long one'],
])('a key that is none is refused: %#', (text) => {
  expect(codeOf(() => parsePublicKey(text))).toBe('KEY_INVALID')
})

test.each([
  [null],
  [[]],
  [{}],
  [{ payloadType: 'x', payload: '*', signatures: [{ sig: 'AAAA' }] }],
  [{ payloadType: '', payload: '', signatures: [{ sig: 'AAAA' }] }],
  [{ payloadType: 'x', payload: '', signatures: [] }],
  [{ payloadType: 'x', payload: '', signatures: [{}] }],
  [{ payloadType: 'x', payload: '', signatures: Array.from({ length: 17 }, () => ({ sig: 'AAAA' })) }],
])('an envelope that is none is refused: %j', (value) => {
  expect(codeOf(() => openEnvelope(value))).toBe('ENVELOPE_INVALID')
})

test('both alphabets of base64, with and without padding', () => {
  for (const payload of ['-_8=', '-_8', '+/8=', '+/8']) {
    const { payload: bytes } = openEnvelope({ payloadType: 'x', payload, signatures: [{ sig: 'AAAA' }] })
    expect([...bytes]).toEqual([0xfb, 0xff])
  }
})
