import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newId } from '../index.ts'
import { type House, nothingLanded, openHouse, type Scene, setScene } from '../promotion/test-scene.ts'
import { attestation, bytesOf, from, keys, result, stranger, TEST_RESULT } from './test-attestation.ts'

let house: House
beforeAll(async () => {
  house = await openHouse()
})
afterAll(() => house.close())

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
