import { sign } from 'node:crypto'
import { digestOf, OCI_MANIFEST } from '@sluice/oci'
import { parsePolicy } from '@sluice/promotion'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { addFeed, addLane, type House, openHouse, type Scene, setScene } from '../promotion/test-scene.ts'
import { attach as attachTo, BUNDLE, bundle, type Shelf, shelf, tagOf } from './test-attached.ts'
import { attestation, bytesOf, ci, from, keys, result, stranger } from './test-attestation.ts'

let house: House
beforeAll(async () => {
  house = await openHouse()
})
afterAll(() => house.close())

describe('evidence that hangs on the image', () => {
  const attach = (
    scene: Scene,
    storage: Shelf,
    subject: Parameters<typeof attachTo>[3],
    content: Uint8Array,
    as?: Parameters<typeof attachTo>[5],
  ) => attachTo(house, scene, storage, subject, content, as)
  const ask = (scene: Scene, storage: Shelf) =>
    house.api.requests.create(scene.rita, { lane: scene.lane, items: [{ image: 'app:1.0.0' }] }, storage)

  test.each([
    ['a bundle that refers to it', (digest: string) => ({ digest }), BUNDLE],
    [
      'an envelope under its tag .att',
      (digest: string) => ({ tag: tagOf(digest, 'att') }),
      'application/vnd.dsse.envelope.v1+json',
    ],
  ] as const)('%s is found when the request is made, and kept', async (_, where, mediaType) => {
    const scene = await setScene(house, { gates: { tests: [{ from }] }, keys })
    const digest = await scene.push('app', ['1.0.0'])
    const storage = shelf()
    const envelope = attestation(digest, result('PASSED'))
    await attach(scene, storage, where(digest), mediaType === BUNDLE ? bundle(envelope) : bytesOf(envelope), {
      mediaType,
    })
    await expect(scene.request('app:1.0.0')).rejects.toMatchObject({ code: 'gate_refused' })
    const asked = { lane: scene.lane, items: [{ image: 'app:1.0.0' }] }
    const dry = await house.api.requests.evaluate(scene.rita, asked, storage)
    expect(dry.gates.find(({ gate }) => gate === 'tests')?.verdict).toBe('pass')
    expect(await scene.sql('select from evidence where subject = $1', [digest])).toEqual([])
    const { request } = await ask(scene, storage)
    expect(await scene.sql('select type, format from evidence where subject = $1', [digest])).toEqual([
      { type: 'test', format: mediaType === BUNDLE ? 'bundle' : 'dsse' },
    ])
    expect((await ask(scene, storage)).created).toBe(false)
    const view = await house.api.requests.approve(scene.anna, request.id, { digest })
    await scene.promote(view.promotion!.id)
    expect(await scene.landed('app', '1.0.0')).toBe(digest)
  })

  test('a legacy signature under its tag .sig', async () => {
    const scene = await setScene(house, { gates: { signatures: [{ from }] }, keys })
    const digest = await scene.push('app', ['1.0.0'])
    const storage = shelf()
    const payload = bytesOf({
      critical: {
        type: 'cosign container image signature',
        image: { 'docker-manifest-digest': digest },
        identity: {},
      },
    })
    const mediaType = 'application/vnd.dev.cosign.simplesigning.v1+json'
    const signed = (key: typeof ci) => ({
      mediaType,
      annotations: {
        'dev.cosignproject.cosign/signature': sign('sha256', payload, key.privateKey).toString('base64'),
      },
    })
    await attach(scene, storage, { tag: tagOf(digest, 'sig') }, payload, signed(stranger))
    await expect(ask(scene, storage)).rejects.toMatchObject({ code: 'gate_refused' })
    await attach(scene, storage, { tag: tagOf(digest, 'sig') }, payload, signed(ci))
    expect((await ask(scene, storage)).created).toBe(true)
  })

  test('a bundle with a signature of the message: over the manifest itself', async () => {
    const scene = await setScene(house, { gates: { signatures: [{ from }] }, keys })
    const digest = await scene.push('app', ['1.0.0'])
    const storage = shelf()
    const [manifest] = await scene.sql<{ bytes: Buffer }>('select bytes from manifest where digest = $1', [
      digest,
    ])
    const signed = (key: typeof ci, over: Uint8Array) =>
      bytesOf({
        mediaType: BUNDLE,
        messageSignature: {
          messageDigest: {
            algorithm: 'SHA2_256',
            digest: Buffer.from(digest.slice(7), 'hex').toString('base64'),
          },
          signature: sign('sha256', over, key.privateKey).toString('base64'),
        },
      })
    await attach(scene, storage, { digest }, signed(stranger, manifest!.bytes))
    await attach(scene, storage, { digest }, signed(ci, Buffer.from('something else')))
    await expect(ask(scene, storage)).rejects.toMatchObject({ code: 'gate_refused' })
    await attach(scene, storage, { digest }, signed(ci, manifest!.bytes))
    expect((await ask(scene, storage)).created).toBe(true)
  })

  test('what is of another image, broken or lost does not count, and is said', async () => {
    const scene = await setScene(house, { gates: { tests: [{ from }] }, keys })
    const digest = await scene.push('app', ['1.0.0'])
    const foreign = await scene.push('app', ['2.0.0'])
    const storage = shelf()
    await attach(scene, storage, { digest }, bundle(attestation(foreign, result('PASSED'))))
    await attach(scene, storage, { digest }, Buffer.from('{broken'))
    await attach(scene, storage, { digest }, bundle(attestation(digest, result('PASSED'))))
    storage.bytes.delete(digestOf(bundle(attestation(digest, result('PASSED')))))
    for (const key of storage.bytes.keys()) {
      if (storage.bytes.get(key)?.includes('dsseEnvelope')) {
        const payload = JSON.parse(storage.bytes.get(key)!.toString()).dsseEnvelope.payload
        if (Buffer.from(payload, 'base64').includes(digest.slice(7))) storage.bytes.delete(key)
      }
    }
    const refused = ask(scene, storage)
    await expect(refused).rejects.toMatchObject({ code: 'gate_refused' })
    for (const said of ['it is not about', 'neither JSON nor XML', 'could not be reached']) {
      await expect(refused).rejects.toMatchObject({ message: expect.stringContaining(said) })
    }
    expect(await scene.sql('select from evidence where subject = $1', [digest])).toEqual([])
  })

  /** So many artifacts that refer to a digest and carry nothing. */
  const clutter = (scene: Scene, digest: string, count: number) =>
    scene.asOwner(
      `with made as (
         select convert_to(format('{"schemaVersion":2,"mediaType":"%s","config":{"mediaType":"%s","digest":"sha256:%s","size":2},'
           || '"layers":[],"subject":{"mediaType":"%s","digest":"%s","size":2},"annotations":{"n":"%s"}}',
           $1::text, $1, repeat('a', 64), $1, $2::text, n), 'UTF8') as bytes from generate_series(1, $3::int) n),
       kept as (
         insert into manifest (digest, bytes, kind, subject_digest)
         select 'sha256:' || encode(sha256(bytes), 'hex'), bytes, 'manifest', $2 from made returning digest)
       insert into repository_manifest (repository_id, digest, media_type, pushed_by)
         select r.id, kept.digest, $1, $5 from kept, repository r where r.feed_id = $4 and r.name = 'app'`,
      [OCI_MANIFEST, digest, count, scene.dev.id, scene.rita.principalId],
    )

  test('among very many it is found; among more than are looked at nothing counts, and the gate says so', async () => {
    const scene = await setScene(house, { gates: { tests: [{ from }] }, keys })
    const digest = await scene.push('app', ['1.0.0'])
    const storage = shelf()
    await clutter(scene, digest, 999)
    await attach(scene, storage, { digest }, bundle(attestation(digest, result('PASSED'))))
    const { request } = await ask(scene, storage)
    expect(request.gates.find(({ gate }) => gate === 'tests')?.verdict).toBe('pass')
    await attach(scene, storage, { digest }, bundle(attestation(digest, result('FAILED'))))
    await expect(
      house.api.requests.approve(scene.anna, request.id, { digest }, storage),
    ).rejects.toMatchObject({
      code: 'gate_refused',
      message: expect.stringContaining(`more than 1000 artifacts refer to ${digest}`),
    })
  })

  const scan = (severity: string) => ({
    scanner: {
      result: {
        SchemaVersion: 2,
        Metadata: {},
        Results: [{ Vulnerabilities: [{ VulnerabilityID: 'CVE-1', Severity: severity, PkgName: 'zlib' }] }],
      },
    },
    metadata: { scanFinishedOn: '2026-01-02T00:00:00Z' },
  })
  const VULN = 'https://cosign.sigstore.dev/attestation/vuln/v1'
  const scanned = (digest: string, severity: string) =>
    bundle(attestation(digest, scan(severity), { predicateType: VULN }))

  test('what is asked for travels: pullable in trusted, listed as referrers there, and nothing else does', async () => {
    const scene = await setScene(house, {
      gates: { tests: [{ from }], vulnerabilities: { from, of: 'image' } },
      keys,
    })
    const digest = await scene.push('app', ['1.0.0'], { index: true })
    const storage = shelf()
    const tested = await attach(scene, storage, { digest }, bundle(attestation(digest, result('PASSED'))))
    const clean = await attach(scene, storage, { digest }, scanned(digest, 'LOW'))
    await attach(scene, storage, { digest }, bundle(attestation(digest, result('PASSED'), { key: stranger })))
    await attach(
      scene,
      storage,
      { digest },
      bundle(attestation(digest, { x: 1 }, { predicateType: 'https://x.y/z' })),
    )
    const { request } = await ask(scene, storage)
    // Index, two images of two blobs each; two referrers, each with a layer, and the one empty config.
    expect(request.closure).toMatchObject({ manifests: 5, blobs: 7 })
    expect((await ask(scene, storage)).request.id).toBe(request.id)
    const view = await house.api.requests.approve(scene.anna, request.id, { digest }, storage)
    await scene.promote(view.promotion!.id)
    const address = { feed: scene.trusted, repository: 'app' }
    const listed = await house.api.feedIndex.listReferrers(address, digest, {
      artifactType: null,
      afterDigest: null,
      limit: 10,
    })
    expect(listed.descriptors.map((each) => each.digest).sort()).toEqual([tested, clean].sort())
    const [admission] = await scene.sql<{ id: string }>('select id from admission where digest = $1', [
      digest,
    ])
    for (const referrer of [tested, clean]) {
      expect((await house.api.feedIndex.findManifest(address, referrer))?.digest).toBe(referrer)
      const held = await scene.sql<{ id: string }>(
        `select rm.admission_id as id from repository_manifest rm join repository r on r.id = rm.repository_id
         where r.feed_id = $1 and rm.digest = $2`,
        [scene.trusted.id, referrer],
      )
      expect(held).toEqual([admission])
    }
  })

  test('what travelled once travels on: along the next lane, signed, with its image', async () => {
    const policy = { gates: { tests: [{ from }] }, keys }
    const scene = await setScene(house, policy)
    const digest = await scene.push('app', ['1.0.0'])
    const storage = shelf()
    const tested = await attach(scene, storage, { digest }, bundle(attestation(digest, result('PASSED'))))
    const { request } = await ask(scene, storage)
    const view = await house.api.requests.approve(scene.anna, request.id, { digest }, storage)
    await scene.promote(view.promotion!.id)
    const prod = await addFeed(house.admin, `prod-${scene.lane}`, true, {})
    await addLane(house.api, `on-${scene.lane}`, scene.trusted.id, prod.id, scene.rita, parsePolicy(policy))
    const asked = { lane: `on-${scene.lane}`, items: [{ image: 'app:1.0.0' }] }
    const next = await house.api.requests.create(scene.rita, asked, storage)
    const members = await scene.sql<{ digest: string }>(
      `select digest from closure_member where request_id = $1 and kind = 'manifest'`,
      [next.request.id],
    )
    expect(members.map((member) => member.digest).sort()).toEqual([digest, tested].sort())
  })

  test('what is pushed after the request counts at the approval, and is kept', async () => {
    const scene = await setScene(house, { gates: { vulnerabilities: { from } }, keys })
    const digest = await scene.push('app', ['1.0.0'])
    const storage = shelf()
    await attach(scene, storage, { digest }, scanned(digest, 'LOW'))
    const { request } = await ask(scene, storage)
    const worse = scan('CRITICAL')
    worse.metadata.scanFinishedOn = '2026-01-03T00:00:00Z'
    await attach(scene, storage, { digest }, bundle(attestation(digest, worse, { predicateType: VULN })))
    const approve = () => house.api.requests.approve(scene.anna, request.id, { digest }, storage)
    await expect(approve()).rejects.toMatchObject({
      code: 'gate_refused',
      message: expect.stringContaining('CVE-1 in zlib'),
    })
    const better = scan('LOW')
    better.metadata.scanFinishedOn = '2026-01-04T00:00:00Z'
    await attach(scene, storage, { digest }, bundle(attestation(digest, better, { predicateType: VULN })))
    expect((await approve()).state).toBe('APPROVED')
    const kept = await scene.sql('select from evidence where subject = $1', [digest])
    expect(kept).toHaveLength(3)
  })

  test('what is pushed after the approval counts when the promotion starts: FAILED, with the gate', async () => {
    const scene = await setScene(house, { gates: { vulnerabilities: { from } }, keys })
    const digest = await scene.push('app', ['1.0.0'])
    const storage = shelf()
    await attach(scene, storage, { digest }, scanned(digest, 'LOW'))
    const { request } = await ask(scene, storage)
    const { promotion } = await house.api.requests.approve(scene.anna, request.id, { digest }, storage)
    const worse = scan('CRITICAL')
    worse.metadata.scanFinishedOn = '2026-01-03T00:00:00Z'
    const content = bundle(attestation(digest, worse, { predicateType: VULN }))
    await attach(scene, storage, { digest }, content)
    const job = { promotionId: promotion!.id, attempt: 1, worker: 'w', leaseMs: 60_000 }
    expect(await house.worker.runs.begin(job, storage)).toEqual({ state: 'ended', promotionState: 'FAILED' })
    const ended = await house.api.requests.get(request.id)
    expect(ended?.promotion?.error).toMatchObject({
      code: 'gate_refused',
      message: expect.stringMatching(/^vulnerabilities: .*CVE-1/),
    })
    const [start] = await scene.sql<{ report: { found: object[] } }>(
      `select report from gate_report where request_id = $1 and phase = 'start'`,
      [request.id],
    )
    expect(start?.report.found).toEqual([
      expect.objectContaining({ subject: digest, sha256: digestOf(content), type: 'vulnerabilities' }),
    ])
  })

  test('by its sender, at the start: the worker knows the name', async () => {
    const scene = await setScene(house, { gates: {} })
    const name = scene.rita.name
    const policy = { gates: { tests: [{ from: [`user:${name}`] }] } }
    await house.api.lanes.put({ ...scene.rita, roles: ['admin'] }, scene.lane, { policy })
    const digest = await scene.push('app', ['1.0.0'])
    const storage = shelf()
    await attach(scene, storage, { digest }, bundle(attestation(digest, result('PASSED'))))
    const { request } = await ask(scene, storage)
    const { promotion } = await house.api.requests.approve(scene.anna, request.id, { digest }, storage)
    await attach(scene, storage, { digest }, bundle(attestation(digest, result('FAILED'))))
    const job = { promotionId: promotion!.id, attempt: 1, worker: 'w', leaseMs: 60_000 }
    expect(await house.worker.runs.begin(job, storage)).toEqual({ state: 'ended', promotionState: 'FAILED' })
  })
})
