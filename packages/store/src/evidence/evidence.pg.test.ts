import { createHash, generateKeyPairSync, sign } from 'node:crypto'
import { OCI_EMPTY, OCI_MANIFEST, digestOf, parseManifest } from '@sluice/oci'
import { preAuthEncoding } from '@sluice/proof'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newId } from '../index.ts'
import { type House, nothingLanded, openHouse, type Scene, setScene } from '../promotion/test-scene.ts'

const ci = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const stranger = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const keys = { ci: ci.publicKey.export({ type: 'spki', format: 'pem' }).toString() }
const from = ['key:ci']
const TEST_RESULT = 'https://in-toto.io/attestation/test-result/v0.1'
const BUNDLE = 'application/vnd.dev.sigstore.bundle.v0.3+json'

let house: House
beforeAll(async () => {
  house = await openHouse()
})
afterAll(() => house.close())

const bytesOf = (value: unknown) => new TextEncoder().encode(JSON.stringify(value))

/** An in-toto attestation as CI signs it. */
function attestation(
  digests: string | string[],
  predicate: object,
  { key = ci, predicateType = TEST_RESULT } = {},
) {
  const payload = Buffer.from(
    JSON.stringify({
      _type: 'https://in-toto.io/Statement/v1',
      subject: [digests].flat().map((digest) => ({ name: 'app', digest: { sha256: digest.slice(7) } })),
      predicateType,
      predicate,
    }),
  )
  const payloadType = 'application/vnd.in-toto+json'
  const sig = sign('sha256', preAuthEncoding(payloadType, payload), key.privateKey).toString('base64')
  return { payloadType, payload: payload.toString('base64'), signatures: [{ keyid: '', sig }] }
}
const result = (word: string) => ({
  result: word,
  passedTests: ['a'],
  failedTests: word === 'FAILED' ? ['b'] : [],
})

function send(
  scene: Scene,
  value: unknown,
  over: { actor?: Scene['rita']; digest?: string; type?: string } = {},
) {
  const { actor = scene.rita, ...given } = over
  const bytes = typeof value === 'string' ? new TextEncoder().encode(value) : bytesOf(value)
  return house.api.evidence.add(actor, { bytes, feedIds: [scene.dev.id], ...given })
}

describe('what is sent', () => {
  test('is kept as it came, read, and found signed by a key of a lane', async () => {
    const scene = await setScene(house, { keys })
    const digest = await scene.push('app', ['1.0.0'])
    const signed = attestation(digest, result('PASSED'))
    const { evidence, created } = await send(scene, signed)
    expect(created).toBe(true)
    expect(evidence).toMatchObject({
      digest,
      type: 'test',
      format: 'dsse',
      predicateType: TEST_RESULT,
      verified: `${scene.lane}/ci`,
      receivedBy: scene.rita.name,
      sha256: `sha256:${createHash('sha256').update(bytesOf(signed)).digest('hex')}`,
      summary: { kind: 'test', result: 'PASSED' },
    })
    expect(await scene.entries(`evidence:${evidence.id}`)).toEqual(['evidence.received'])
    expect(await send(scene, signed)).toMatchObject({ created: false, evidence: { id: evidence.id } })
    expect(
      (await send(scene, attestation(digest, result('PASSED'), { key: stranger }))).evidence.verified,
    ).toBe(null)
    const found = await house.api.evidence.get(evidence.id, [scene.dev.id])
    expect(JSON.parse(found?.content ?? '')).toEqual(signed)
    expect(await house.api.evidence.get(evidence.id, [scene.trusted.id])).toBe(null)
    const page = await house.api.evidence.list({ digest, limit: 1, visibleFeedIds: [scene.dev.id] })
    const rest = await house.api.evidence.list({
      digest,
      limit: 9,
      after: page.next!,
      visibleFeedIds: [scene.dev.id],
    })
    expect([...page.items, ...rest.items].map(({ id }) => id)).toContain(evidence.id)
    expect(rest).toMatchObject({ items: [{ id: evidence.id }], next: null })
    await expect(
      house.api.evidence.list({ digest, limit: 9, visibleFeedIds: [scene.trusted.id] }),
    ).rejects.toMatchObject({ code: 'digest_unknown' })
  })

  test('is refused when it is about something else, nothing, or not what it is said to be', async () => {
    const scene = await setScene(house, { keys })
    const [one, two] = [await scene.push('app', ['1.0.0']), await scene.push('app', ['2.0.0'])]
    const unknown = `sha256:${'9'.repeat(64)}`
    const signed = attestation(one, result('PASSED'))
    const junit = '<testsuite><testcase name="a"/></testsuite>'
    const refusals: [() => Promise<unknown>, object][] = [
      [() => send(scene, signed, { digest: two }), { code: 'digest_mismatch', field: 'digest' }],
      [() => send(scene, attestation(unknown, result('PASSED'))), { code: 'digest_unknown' }],
      [() => send(scene, attestation([one, two], result('PASSED'))), { code: 'invalid', field: 'digest' }],
      [() => send(scene, junit), { code: 'invalid', field: 'digest' }],
      [() => send(scene, junit, { digest: unknown }), { code: 'digest_unknown' }],
      [() => send(scene, signed, { type: 'sbom' }), { code: 'invalid', field: 'type' }],
      [() => send(scene, attestation(one, { result: 'FINE' })), { code: 'invalid', field: 'content' }],
      [() => send(scene, '{"any":1}', { digest: one }), { code: 'invalid', field: 'content' }],
      [() => send(scene, { SchemaVersion: 2, Results: [] }, { digest: one }), { code: 'digest_mismatch' }],
    ]
    for (const [attempt, refusal] of refusals) await expect(attempt()).rejects.toMatchObject(refusal)
    expect(
      (await send(scene, attestation([one, two], result('PASSED')), { digest: two })).evidence.digest,
    ).toBe(two)
    expect((await send(scene, junit, { digest: one, type: 'junit' })).evidence.type).toBe('test')
  })

  test('stays as it is, and is as new as Postgres says', async () => {
    const scene = await setScene(house)
    const digest = await scene.push('app', ['1.0.0'])
    const { evidence } = await send(scene, '<testsuite><testcase name="a"/></testsuite>', { digest })
    for (const change of ['update evidence set summary = $$1$$', 'delete from evidence']) {
      await expect(house.api.pool.query(`${change} where id = '${evidence.id}'`)).rejects.toThrow()
      await expect(scene.sql(`${change} where id = '${evidence.id}'`)).rejects.toMatchObject({
        message: 'append_only',
      })
    }
    const [row] = await scene.sql<{ at: Date }>(
      `insert into evidence select $1::uuid, subject, type, format, predicate_type, $3, 'sha256:' || encode(sha256($3), 'hex'),
         content_digest, claimed_at, '2001-01-01', received_by, verified, summary, entry_id
       from evidence where id = $2 returning received_at as at`,
      [newId(), evidence.id, Buffer.from('x')],
    )
    expect(row!.at.getTime()).toBeGreaterThan(Date.parse('2020-01-01'))
    await expect(house.worker.pool.query(`insert into evidence default values`)).rejects.toMatchObject({
      code: '42501',
    })
  })
})

describe('a lane that asks for passed tests', () => {
  const gates = { tests: [{ from }] }

  test('refuses until they are there; the report stands on the request', async () => {
    const scene = await setScene(house, { gates, keys })
    const digest = await scene.push('app', ['1.0.0'])
    await expect(scene.request('app:1.0.0')).rejects.toMatchObject({ code: 'gate_refused' })
    await send(scene, attestation(digest, result('PASSED'), { key: stranger }))
    await expect(scene.request('app:1.0.0')).rejects.toMatchObject({ code: 'gate_refused' })
    const { evidence } = await send(scene, attestation(digest, result('PASSED')))
    const asked = { lane: scene.lane, items: [{ image: 'app:1.0.0' }] }
    const dry = await house.api.requests.evaluate(scene.rita, asked)
    expect(dry.gates.find(({ gate }) => gate === 'tests')).toMatchObject({ verdict: 'pass' })
    expect(await scene.sql('select from request where lane_id = $1', [scene.laneId])).toEqual([])
    const { request } = await scene.request('app:1.0.0')
    expect(request.gates.find(({ gate }) => gate === 'tests')).toMatchObject({
      verdict: 'pass',
      inputs: { subjects: [{ digest, evidence: evidence.id, verdict: 'pass' }] },
    })
  })

  test('takes no evidence of another image, however it is sent', async () => {
    const scene = await setScene(house, { gates, keys })
    const tested = await scene.push('app', ['1.0.0'])
    await scene.push('app', ['2.0.0'])
    await send(scene, attestation(tested, result('PASSED')))
    await expect(scene.request('app:2.0.0')).rejects.toMatchObject({ code: 'gate_refused' })
    const index = await scene.push('app', ['3.0.0'], { index: true })
    await send(scene, attestation(index, result('PASSED')))
    expect((await scene.request('app:3.0.0')).created).toBe(true)
  })

  test('fails a promotion when worse is heard after the approval, and names the gate', async () => {
    const scene = await setScene(house, { gates, keys })
    const digest = await scene.push('app', ['1.0.0'])
    await send(scene, attestation(digest, result('PASSED')))
    const { id, promotionId } = await scene.approved()
    await send(scene, attestation(digest, result('FAILED')))
    // The same pass in another wrapping is no news.
    await send(scene, JSON.stringify(attestation(digest, result('PASSED')), null, 2))
    const begun = await house.worker.runs.begin({ promotionId, attempt: 1, worker: 'w', leaseMs: 60_000 })
    expect(begun).toEqual({ state: 'ended', promotionState: 'FAILED' })
    const view = await house.api.requests.get(id)
    expect(view?.promotion?.error).toMatchObject({ code: 'gate_refused' })
    expect(view?.promotion?.error?.message).toMatch(/^tests: /)
    expect(await scene.entries(`promotion:${promotionId}`)).toContain('promotion.failed')
    const reports = await scene.sql<{ phase: string; verdict: string }>(
      `select phase, g ->> 'verdict' as verdict from gate_report, jsonb_array_elements(report -> 'gates') g
       where request_id = $1 and g ->> 'gate' = 'tests' order by at, id`,
      [id],
    )
    expect(reports).toEqual([
      { phase: 'creation', verdict: 'pass' },
      { phase: 'approval', verdict: 'pass' },
      { phase: 'start', verdict: 'block' },
    ])
    await nothingLanded(scene)
  })

  test('lets a promotion run whose evidence still holds', async () => {
    const scene = await setScene(house, { gates, keys })
    const digest = await scene.push('app', ['1.0.0'])
    await send(scene, attestation(digest, result('PASSED')))
    await scene.promote((await scene.approved()).promotionId)
    expect(await scene.landed('app', '1.0.0')).toBe(digest)
  })
})

test('of an index every platform is looked at, and the report names the one that lacks', async () => {
  const scene = await setScene(house, { gates: { sbom: { from: ['robot:x', ...from] } }, keys })
  const index = await scene.push('app', ['1.0.0'], { index: true })
  const children = await scene.sql<{ digest: string; platform: string }>(
    `select child_digest as digest, platform ->> 'architecture' as platform from manifest_edge
     where parent_digest = $1 order by position`,
    [index],
  )
  const bom = { bomFormat: 'CycloneDX', components: [{ type: 'library', name: 'a', version: '1' }] }
  const about = (digest: string) => attestation(digest, bom, { predicateType: 'https://cyclonedx.org/bom' })
  await send(scene, about(index))
  await send(scene, about(children[0]!.digest))
  const refused = scene.request('app:1.0.0')
  await expect(refused).rejects.toMatchObject({
    code: 'gate_refused',
    message: expect.stringContaining('linux/arm64'),
  })
  await expect(refused).rejects.not.toMatchObject({ message: expect.stringContaining('linux/amd64') })
  await send(scene, about(children[1]!.digest))
  const { request } = await scene.request('app:1.0.0')
  const view = await house.api.requests.approve(scene.anna, request.id, { digest: index })
  expect(view.gates.find(({ gate }) => gate === 'sbom')).toMatchObject({ verdict: 'pass' })
})

describe('evidence that hangs on the image', () => {
  /** Bytes of blobs by their storage keys; `lose` makes reading one fail. */
  function shelf() {
    const bytes = new Map<string, Buffer>()
    return {
      bytes,
      async *read(key: string): AsyncGenerator<Uint8Array> {
        const found = bytes.get(key)
        if (found === undefined) throw new Error('lost')
        yield found
      },
    }
  }

  async function attach(
    scene: Scene,
    storage: ReturnType<typeof shelf>,
    subject: { digest?: string; tag?: string },
    content: Uint8Array,
    {
      mediaType = BUNDLE,
      annotations = {},
    }: { mediaType?: string; annotations?: Record<string, string> } = {},
  ): Promise<void> {
    const blob = async (bytes: Uint8Array) => {
      const digest = digestOf(bytes)
      storage.bytes.set(digest, Buffer.from(bytes))
      await scene.sql(
        'insert into blob (digest, size, storage_key) values ($1, $2, $1) on conflict do nothing',
        [digest, bytes.length],
      )
      await scene.sql(
        `insert into repository_blob (repository_id, digest) select id, $1 from repository where feed_id = $2 on conflict do nothing`,
        [digest, scene.dev.id],
      )
      return { digest, size: bytes.length }
    }
    const config = { mediaType: OCI_EMPTY, ...(await blob(Buffer.from('{}'))) }
    const [held] = subject.digest
      ? await scene.sql<{ mediaType: string; size: number }>(
          `select rm.media_type as "mediaType", octet_length(m.bytes) as size from manifest m
             join repository_manifest rm using (digest) where digest = $1`,
          [subject.digest],
        )
      : []
    const bytes = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: OCI_MANIFEST,
        artifactType: mediaType,
        config,
        layers: [{ mediaType, ...(await blob(content)), annotations }],
        ...(subject.digest && { subject: { ...held, digest: subject.digest } }),
      }),
    )
    await house.api.feedIndex.putManifest({
      address: { feed: scene.dev, repository: 'app' },
      digest: digestOf(bytes),
      tags: subject.tag === undefined ? [] : [subject.tag],
      principalId: scene.rita.principalId,
      manifest: parseManifest(bytes, OCI_MANIFEST),
    })
  }

  const bundle = (envelope: object) => bytesOf({ mediaType: BUNDLE, dsseEnvelope: envelope })
  const ask = (scene: Scene, storage: ReturnType<typeof shelf>) =>
    house.api.requests.create(scene.rita, { lane: scene.lane, items: [{ image: 'app:1.0.0' }] }, storage)
  const tagOf = (digest: string, end: string) => `${digest.replace(':', '-')}.${end}`

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
})

describe('tickets', () => {
  const gates = { ticket: { keys: ['jira'] } }
  const said = (state: string, minutes: number, key = 'jira') => ({
    ticket: 'C-1',
    state,
    at: new Date(Date.now() - minutes * 60_000),
    key,
  })

  test('a request waits for its ticket; an approval that would queue it is refused until then', async () => {
    const scene = await setScene(house, { gates })
    await scene.push('app', ['1.0.0'])
    const { request } = await scene.request('app:1.0.0')
    const approve = () => house.api.requests.approve(scene.anna, request.id, { digest: request.digest! })
    await expect(approve()).rejects.toMatchObject({ code: 'gate_refused' })
    await house.api.evidence.ticket(request.id, said('open', 2))
    await expect(approve()).rejects.toMatchObject({ code: 'gate_refused' })
    const approved = said('approved', 1)
    await house.api.evidence.ticket(request.id, approved)
    await house.api.evidence.ticket(request.id, approved)
    // An older word that arrives late changes nothing.
    await house.api.evidence.ticket(request.id, said('open', 3))
    expect((await approve()).promotion?.state).toBe('QUEUED')
    expect(
      (await scene.entries(`request:${request.id}`)).filter((type) => type === 'ticket.reported'),
    ).toHaveLength(3)
    expect(await house.api.evidence.ticketKeys(request.id)).toEqual({ laneId: scene.laneId, keys: ['jira'] })
  })

  test('a ticket that is taken back after the approval fails the promotion', async () => {
    const scene = await setScene(house, { gates })
    await scene.push('app', ['1.0.0'])
    const { request } = await scene.request('app:1.0.0')
    await house.api.evidence.ticket(request.id, said('approved', 2))
    const view = await house.api.requests.approve(scene.anna, request.id, { digest: request.digest! })
    await house.api.evidence.ticket(request.id, said('rejected', 1))
    const begun = await house.worker.runs.begin({
      promotionId: view.promotion!.id,
      attempt: 1,
      worker: 'w',
      leaseMs: 60_000,
    })
    expect(begun).toEqual({ state: 'ended', promotionState: 'FAILED' })
    await expect(house.api.evidence.ticket(newId(), said('approved', 1))).rejects.toMatchObject({
      code: 'not_found',
    })
    await expect(house.api.evidence.ticket(request.id, said('approved', -60))).rejects.toMatchObject({
      code: 'invalid',
    })
    await house.api.requests.create(scene.rita, { lane: scene.lane, items: [{ image: 'app:1.0.0' }] })
  })

  test('nothing is said of a request that has ended', async () => {
    const scene = await setScene(house, { gates })
    await scene.push('app', ['1.0.0'])
    const { request } = await scene.request('app:1.0.0')
    await house.api.requests.cancel(scene.rita, request.id)
    await expect(house.api.evidence.ticket(request.id, said('approved', 1))).rejects.toMatchObject({
      code: 'request_state',
    })
  })
})

test('a promotion that is approved in a freeze waits for its end', async () => {
  const day = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10)
  const freezes = [{ name: 'audit', from: day(-1), to: day(1) }]
  const scene = await setScene(house, {
    gates: { window: { zone: 'UTC', freezes } },
    requestExpiresAfter: { hours: 100 },
  })
  await scene.push('app', ['1.0.0'])
  const { promotionId } = await scene.approved()
  const begun = await house.worker.runs.begin({ promotionId, attempt: 1, worker: 'w', leaseMs: 60_000 })
  expect(begun).toMatchObject({ state: 'skip', why: expect.stringContaining('audit') })
  const [row] = await scene.sql<{ at: Date; state: string }>(
    'select not_before as at, state from promotion where id = $1',
    [promotionId],
  )
  expect(row).toEqual({ at: new Date(`${day(2)}T00:00:00Z`), state: 'QUEUED' })
})

test('what comes before: the very digest must have been promoted there', async () => {
  const scene = await setScene(house)
  const digest = await scene.push('app', ['1.0.0'])
  const other = await setScene(house)
  const lane = `next-${scene.lane}`
  const made = await house.api.lanes.create(scene.anna, {
    name: lane,
    from: scene.dev.name,
    to: other.trusted.name,
    policy: { gates: { predecessor: { feed: scene.trusted.name } } },
  })
  expect(made.policy.gates.predecessor).toEqual({ feed: scene.trusted.name })
  const ask = () => house.api.requests.create(scene.rita, { lane, items: [{ image: 'app:1.0.0' }] })
  await expect(ask()).rejects.toMatchObject({ code: 'gate_refused' })
  await scene.promote((await scene.approved()).promotionId)
  expect((await ask()).request.digest).toBe(digest)
})

describe('a lane that nobody can satisfy is refused when it is written', () => {
  test('a group too small or missing, and a feed that never was', async () => {
    const scene = await setScene(house)
    const group = `qa-${scene.lane}`
    const id = newId()
    await scene.sql(`insert into principal values ($1, 'group')`, [id])
    await scene.sql('insert into user_group (id, name) values ($1, $2)', [id, group])
    await scene.sql('insert into group_member (group_id, person_id) values ($1, $2)', [
      id,
      scene.anna.principalId,
    ])
    const put = (gates: object) => house.api.lanes.put(scene.rita, scene.lane, { policy: { gates } })
    const code = { code: 'invalid' }
    await expect(put({ quorum: [{ count: 2, group }] })).rejects.toMatchObject(code)
    await expect(put({ quorum: [{ count: 1, group: 'nobody' }] })).rejects.toMatchObject(code)
    await expect(put({ predecessor: { feed: 'never-was' } })).rejects.toMatchObject(code)
    await expect(put({ predecessor: { feed: scene.trusted.name } })).rejects.toMatchObject(code)
    expect((await put({ quorum: [{ count: 1, group }, { count: 1 }] })).version).toBe(2)
  })

  test('the only one who may approve is the only one who may request', async () => {
    const scene = await setScene(house)
    const grant = (...persons: Scene['rita'][]) =>
      house.api.feeds.putGrants(
        scene.rita,
        scene.trusted.id,
        persons.map(({ name }) => ({ principal: name, verbs: ['request', 'approve', 'admin'] })),
      )
    const put = (hours: number) =>
      house.api.lanes.put(scene.rita, scene.lane, { policy: { requestExpiresAfter: { hours } } })
    await grant(scene.rita)
    await expect(put(2)).rejects.toMatchObject({ code: 'invalid' })
    await grant(scene.rita, scene.anna)
    expect((await put(2)).version).toBe(2)
  })
})
