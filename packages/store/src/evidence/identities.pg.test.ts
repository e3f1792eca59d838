import { openSigstore, type Proven, type Who } from '@sluice/testkit/sigstore'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type House, openHouse, type Scene, setScene } from '../promotion/test-scene.ts'
import { bytesOf, result, TEST_RESULT } from './test-attestation.ts'

const ISSUER = 'https://token.actions.githubusercontent.com'
const WORKFLOW = 'https://github.com/acme/app/.github/workflows/release.yml'
const main: Who = { subject: `${WORKFLOW}@refs/heads/main`, issuer: ISSUER }

let house: House
let sigstore: Awaited<ReturnType<typeof openSigstore>>
let policy: object
beforeAll(async () => {
  house = await openHouse()
  sigstore = await openSigstore()
  policy = {
    roots: { ours: JSON.stringify(sigstore.trustedRoot({ stamps: true })) },
    identities: { release: { root: 'ours', issuer: ISSUER, subject: `${WORKFLOW}@refs/heads/*` } },
  }
})
afterAll(() => house.close())

const from = ['identity:release']
const tested = (digest: string, who: Who, proven?: Proven) =>
  sigstore.attest(
    {
      _type: 'https://in-toto.io/Statement/v1',
      subject: [{ name: 'app', digest: { sha256: digest.slice(7) } }],
      predicateType: TEST_RESULT,
      predicate: result('PASSED'),
    },
    who,
    proven,
  )
const send = (scene: Scene, bundle: object) =>
  house.api.evidence.add(scene.rita, { bytes: bytesOf(bundle), feedIds: [scene.dev.id] })

test('what a workflow has attested without a key lets its image pass; who it was is told to the sender', async () => {
  const scene = await setScene(house, { gates: { tests: [{ from }] }, ...policy })
  const digest = await scene.push('app', ['1.0.0'])
  await expect(scene.request('app:1.0.0')).rejects.toMatchObject({ code: 'gate_refused' })
  const { evidence } = await send(scene, await tested(digest, main))
  expect(evidence.verified).toBe(`${scene.lane}/release`)
  const { promotionId } = await scene.approved()
  await scene.promote(promotionId)
  expect(await scene.landed('app', '1.0.0')).toBe(digest)
})

test('a signature of the manifest itself, by a certificate', async () => {
  const scene = await setScene(house, { gates: { signatures: [{ from }] }, ...policy })
  const digest = await scene.push('app', ['1.0.0'])
  const [manifest] = await scene.sql<{ bytes: Buffer }>('select bytes from manifest where digest = $1', [
    digest,
  ])
  await send(scene, await sigstore.signMessage(manifest!.bytes, main))
  await expect(scene.request('app:1.0.0')).resolves.toMatchObject({ created: true })
})

test.each<[string, Who, Proven, string]>([
  [
    'another workflow of the same issuer',
    { ...main, subject: 'https://github.com/acme/app/.github/workflows/test.yml@refs/heads/main' },
    {},
    `it is signed by https://github.com/acme/app/.github/workflows/test.yml@refs/heads/main, whom ${ISSUER} signed in, and that is no identity of this lane`,
  ],
  [
    'a tag where the lane wants a branch',
    { ...main, subject: `${WORKFLOW}@refs/tags/v1` },
    {},
    'no identity of this lane',
  ],
  [
    'the same subject by another issuer',
    { ...main, issuer: `${ISSUER}.evil` },
    {},
    'no identity of this lane',
  ],
  ['no time that is proven', main, { log: 'proof' }, 'proves when it was signed'],
  ['a time after its certificate', main, { after: 11 }, 'was not valid when it was signed'],
])('%s blocks, and the gate says why', async (_, who, proven, why) => {
  const scene = await setScene(house, { gates: { tests: [{ from }] }, ...policy })
  const digest = await scene.push('app', ['1.0.0'])
  await send(scene, await tested(digest, who, proven))
  await expect(scene.request('app:1.0.0')).rejects.toMatchObject({
    code: 'gate_refused',
    message: expect.stringContaining(why),
  })
})

test('another Sigstore with the same names is not believed', async () => {
  const scene = await setScene(house, { gates: { tests: [{ from }] }, ...policy })
  const digest = await scene.push('app', ['1.0.0'])
  const other = await openSigstore()
  const statement = {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ digest: { sha256: digest.slice(7) } }],
    predicateType: TEST_RESULT,
    predicate: result('PASSED'),
  }
  await send(scene, await other.attest(statement, main))
  await expect(scene.request('app:1.0.0')).rejects.toMatchObject({
    message: expect.stringContaining('by the root ours: its certificate is not of this root'),
  })
})
