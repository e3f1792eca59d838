import { openSigstore, type Proven, type Who } from '@sluice/testkit/sigstore'
import { beforeAll, describe, expect, test } from 'vitest'
import { certifiedBy, PromotionError, readTrustedRoot } from '../index.ts'

const ISSUER = 'https://token.actions.githubusercontent.com'
const SUBJECT = 'https://github.com/acme/app/.github/workflows/release.yml@refs/heads/main'
const who: Who = { subject: SUBJECT, issuer: ISSUER }
const statement = {
  _type: 'https://in-toto.io/Statement/v1',
  subject: [{ digest: { sha256: 'a'.repeat(64) } }],
  predicateType: 'https://example.com/x',
  predicate: {},
}
const message = Buffer.from('a manifest')

type Sigstore = Awaited<ReturnType<typeof openSigstore>>
let ours: Sigstore
let theirs: Sigstore
beforeAll(async () => {
  ours = await openSigstore()
  theirs = await openSigstore()
})

const bytesOf = (value: unknown) => new TextEncoder().encode(JSON.stringify(value))
const rootOf = (sigstore: Sigstore, parts?: Parameters<Sigstore['trustedRoot']>[0]) =>
  readTrustedRoot(JSON.stringify(sigstore.trustedRoot(parts)))

/** Who it says, or why it is not accepted. */
function told(bundle: unknown, root = rootOf(ours), artifact: Uint8Array | null = null): unknown {
  try {
    return certifiedBy(bytesOf(bundle), artifact, root)
  } catch (error) {
    if (!(error instanceof PromotionError)) throw error
    return error.issues[0]?.message.replace(/ \(.*\)$/, '')
  }
}

const NO_TIME = 'nothing that the root knows proves when it was signed'
const NO_ROOT = 'its certificate is not of this root, or was not valid when it was signed'
const NO_ENTRY = 'its entry in the log is missing, not of a log of this root, or of something else'
const NO_SIGNATURE = 'its signature is not by the key of its certificate'

describe('who signed a bundle', () => {
  test('the subject and the issuer of its certificate, in both forms that certificates have', async () => {
    for (const legacy of [false, true]) {
      expect(told(await ours.attest(statement, { ...who, legacy }))).toEqual(who)
    }
    expect(told(await ours.signMessage(message, who), rootOf(ours), message)).toEqual(who)
  })

  test("a bundle with a key and no certificate is nobody's, without a reason", async () => {
    const bundle = await ours.attest(statement, who)
    const { certificate, ...material } = bundle.verificationMaterial
    expect(certificate).toBeDefined()
    expect(told({ ...bundle, verificationMaterial: { ...material, publicKey: { hint: 'x' } } })).toBeNull()
  })

  test.each<[string, Proven, Parameters<Sigstore['trustedRoot']>[0], object | string]>([
    ['the promise of the log', {}, {}, who],
    ['the last minute of the certificate', { after: 10 }, {}, who],
    ['after the certificate ended', { after: 11 }, {}, NO_ROOT],
    ['before it began', { after: -1 }, {}, NO_ROOT],
    ['a proof that it is in the log, which proves no time', { log: 'proof' }, {}, NO_TIME],
    ['the proof of the log and a stamp', { log: 'proof', stamp: true }, { stamps: true }, who],
    [
      'a stamp alone, where the root has no log',
      { log: 'none', stamp: true },
      { log: false, stamps: true },
      who,
    ],
    ['a stamp after the end', { log: 'none', stamp: true, after: 11 }, { log: false, stamps: true }, NO_ROOT],
    ['a stamp alone, where the root has a log', { log: 'none', stamp: true }, { stamps: true }, NO_ENTRY],
    ['a stamp of nobody whom the root knows', { log: 'none', stamp: true }, {}, NO_TIME],
    ['nothing at all', { log: 'none' }, {}, NO_TIME],
    ['an entry where the root has no log', {}, { log: false, stamps: true }, NO_ENTRY],
    ['an entry about something else', { log: 'of something else' }, {}, NO_ENTRY],
  ])('%s', async (_, proven, parts, expected) => {
    expect(told(await ours.attest(statement, who, proven), rootOf(ours, parts))).toEqual(expected)
  })

  test('by another authority, another log, or under a certificate of which no log knows', async () => {
    const bundle = await theirs.attest(statement, who)
    expect(told(bundle)).toBe(NO_ROOT)
    const mixed = { ...ours.trustedRoot(), tlogs: theirs.trustedRoot().tlogs }
    expect(told(await ours.attest(statement, who), readTrustedRoot(JSON.stringify(mixed)))).toBe(NO_ENTRY)
    const hidden = await ours.attest(statement, who, {}, await ours.certify(who, false))
    expect(told(hidden)).toBe(NO_ROOT)
    expect(told(hidden, rootOf(ours, { certificates: false }))).toEqual(who)
  })

  test('a certificate of one and the signature of another', async () => {
    const [one, two] = [
      await ours.attest(statement, who),
      await ours.attest(statement, { ...who, subject: 'mailto:x' }),
    ]
    expect(told({ ...one, dsseEnvelope: two.dsseEnvelope })).toBe(NO_ENTRY)
    const { certificate } = two.verificationMaterial
    expect(told({ ...one, verificationMaterial: { ...one.verificationMaterial, certificate } })).toBe(
      NO_SIGNATURE,
    )
    const signed = await ours.signMessage(message, who)
    expect(told(signed, rootOf(ours), Buffer.from('another manifest'))).toBe(NO_SIGNATURE)
  })

  test("a certificate that names no issuer is nobody's", async () => {
    expect(told(await ours.attest(statement, { ...who, issuer: null }))).toBe(
      'its certificate names no subject, or no issuer of it',
    )
  })

  test.each([
    ['no JSON', 'x'],
    ['no bundle', {}],
    ['a bundle without its material', { mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json' }],
  ])('%s', (_, bundle) => {
    expect(told(bundle)).toBe('it is no whole bundle')
  })

  test('a certificate that is none', async () => {
    const bundle = await ours.attest(statement, who)
    const material = { ...bundle.verificationMaterial, certificate: { rawBytes: 'AAAA' } }
    expect(told({ ...bundle, verificationMaterial: material })).toBe('it cannot be verified')
  })
})

describe('a trusted root', () => {
  const refused = (root: unknown): string => {
    try {
      readTrustedRoot(typeof root === 'string' ? root : JSON.stringify(root))
    } catch (error) {
      if (!(error instanceof PromotionError)) throw error
      return error.message.replace('the trusted root ', '').replace(/ \(.*\)$/, '')
    }
    return 'nothing'
  }
  const whole = (over: object) => ({ ...ours.trustedRoot({ stamps: true }), ...over })

  test('is refused where it could prove nothing, saying why', () => {
    const [authority] = ours.trustedRoot().certificateAuthorities
    const [stamps] = ours.trustedRoot({ stamps: true }).timestampAuthorities
    const open = { ...stamps, certChain: { certificates: stamps?.certChain.certificates.slice(0, 1) } }
    for (const [root, why] of [
      [whole({}), 'nothing'],
      [whole({ tlogs: [] }), 'nothing'],
      [whole({ timestampAuthorities: [] }), 'nothing'],
      [whole({ ctlogs: [] }), 'nothing'],
      ['{', 'is no JSON, or none of a trusted root'],
      ['null', 'is no JSON, or none of a trusted root'],
      [{}, 'names no certificate authority'],
      [whole({ certificateAuthorities: [] }), 'names no certificate authority'],
      [
        whole({ tlogs: [], timestampAuthorities: [] }),
        'names no log and no timestamp authority: nothing could prove when something was signed',
      ],
      [
        whole({ timestampAuthorities: [open] }),
        'has a chain that does not end with a root, which signed itself',
      ],
      [
        whole({ certificateAuthorities: [{ ...authority, certChain: { certificates: [] } }] }),
        'has a chain that does not end with a root, which signed itself',
      ],
      [
        whole({ certificateAuthorities: [{}] }),
        'has a chain that does not end with a root, which signed itself',
      ],
      [whole({ tlogs: [{}] }), 'has a key or certificate that cannot be read'],
    ] as const) {
      expect(refused(root)).toBe(why)
    }
  })
})
