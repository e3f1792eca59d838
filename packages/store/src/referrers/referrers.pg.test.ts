import { sign } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { attach, bundle, type Shelf, shelf, tagOf } from '../evidence/test-attached.ts'
import { attestation, bytesOf, from, ci, keys, stranger } from '../evidence/test-attestation.ts'
import { newId } from '../index.ts'
import { type House, openHouse, setScene } from '../promotion/test-scene.ts'
import { passed, policy, promoted } from './test-late.ts'

let house: House
beforeAll(async () => {
  house = await openHouse()
})
afterAll(() => house.close())

const SIMPLE_SIGNING = 'application/vnd.dev.cosign.simplesigning.v1+json'
const SBOM = 'https://cyclonedx.org/bom'

/** What a worker does between hosted feeds, for one request. */
async function scan(requestId: string, storage: Shelf): Promise<void> {
  await house.api.referrers.ask(requestId)
  const { referrers } = house.worker
  const due = await referrers.due(100)
  for (const one of due.filter((each) => each.requestId === requestId)) {
    const { found } = await referrers.find(one, storage)
    for (const late of found) {
      if (late.verdict.verdict === 'admit') await referrers.admit(one, late)
      else
        await referrers.keepOut(one, late, {
          state: late.verdict.verdict === 'refuse' ? 'refused' : 'waiting',
          reason: late.verdict.reason,
        })
    }
    await referrers.finish(one, { problem: null, again: false })
  }
}

const list = async (requestId: string) => (await house.api.referrers.list(requestId, { limit: 50 })).items
const legacy = (digest: string, key = ci) => {
  const payload = bytesOf({
    critical: {
      type: 'cosign container image signature',
      image: { 'docker-manifest-digest': digest },
      identity: {},
    },
  })
  const signature = sign('sha256', payload, key.privateKey).toString('base64')
  return [
    payload,
    { mediaType: SIMPLE_SIGNING, annotations: { 'dev.cosignproject.cosign/signature': signature } },
  ] as const
}

describe('what comes after a promotion', () => {
  test('follows its image under its admission, with an entry of its own, where the policy names it (invariant 1)', async () => {
    const scene = await setScene(house, policy)
    const storage = shelf()
    const { id, digest } = await promoted(house, scene, storage, { index: true })
    const [child] = await scene.sql<{ digest: string }>(
      `select child_digest as digest from manifest_edge where parent_digest = $1 and kind = 'manifest' order by position`,
      [digest],
    )
    const ofIndex = await attach(house, scene, storage, { digest }, passed(digest))
    const ofChild = await attach(
      house,
      scene,
      storage,
      { digest: child?.digest ?? '' },
      passed(child?.digest ?? ''),
    )
    await scan(id, storage)
    const found = await list(id)
    expect(found.map(({ state, subject, digest: own }) => `${state} ${own} of ${subject}`).sort()).toEqual(
      [`admitted ${ofIndex} of ${digest}`, `admitted ${ofChild} of ${child?.digest}`].sort(),
    )
    expect(found[0]).toMatchObject({
      tag: null,
      reason: null,
      target: { feed: scene.trusted.name, repository: 'app' },
      carries: [{ type: 'test', from: [...from, `user:${scene.rita.name}`] }],
    })
    const address = { feed: scene.trusted, repository: 'app' }
    const [admission] = await scene.sql<{ id: string }>('select id from admission where digest = $1', [
      digest,
    ])
    for (const referrer of [ofIndex, ofChild]) {
      expect((await house.api.feedIndex.findManifest(address, referrer))?.digest).toBe(referrer)
      const held = await scene.sql(
        `select distinct m.admission_id as id from repository r join (
           select repository_id, digest, admission_id from repository_manifest union all
           select b.repository_id, e.parent_digest, b.admission_id from manifest_edge e join repository_blob b on b.digest = e.child_digest) m
           on m.repository_id = r.id where r.feed_id = $1 and m.digest = $2`,
        [scene.trusted.id, referrer],
      )
      expect(held).toEqual([{ id: admission?.id }])
      expect(await scene.entries(`digest:${referrer}`)).toEqual(['referrer.admitted'])
    }
    const listed = await house.api.feedIndex.listReferrers(address, child?.digest ?? '', {
      artifactType: null,
      afterDigest: null,
      limit: 10,
    })
    expect(listed.descriptors.map((one) => one.digest)).toEqual([ofChild])
    await scan(id, storage)
    expect(await list(id)).toHaveLength(2)
  })

  test('also what cosign keeps under a tag, which moves from what followed before, and from nothing else', async () => {
    const scene = await setScene(house, { gates: { signatures: [{ from }] }, keys })
    const storage = shelf()
    const digest = await scene.push('app', ['1.0.0'])
    const tag = tagOf(digest, 'sig')
    const first = await attach(house, scene, storage, { tag }, ...legacy(digest))
    const asked = { lane: scene.lane, items: [{ image: 'app:1.0.0' }] }
    const { request } = await house.api.requests.create(scene.rita, asked, storage)
    const view = await house.api.requests.approve(scene.anna, request.id, { digest }, storage)
    await scene.promote(view.promotion?.id ?? '')
    expect(await scene.landed('app', tag)).toBe(null)
    await scan(request.id, storage)
    expect(await scene.landed('app', tag)).toBe(first)
    // RSA and ECDSA signatures of the same bytes differ each time: another manifest.
    const second = await attach(house, scene, storage, { tag }, ...legacy(digest))
    await scan(request.id, storage)
    expect(await scene.landed('app', tag)).toBe(second)
    const foreign = await attach(house, scene, storage, { tag }, ...legacy(digest, stranger))
    await scan(request.id, storage)
    expect(await scene.landed('app', tag)).toBe(second)
    expect((await list(request.id)).map(({ state, digest: own, tag: under }) => [state, own, under])).toEqual(
      [
        ['refused', foreign, tag],
        ['admitted', second, tag],
        ['admitted', first, tag],
      ],
    )
    const moves = await scene.sql(
      `select from_digest as "from", to_digest as "to", promotion_id = $2 as promoted from tag_move where feed_id = $1 and tag = $3 order by id`,
      [scene.trusted.id, view.promotion?.id, tag],
    )
    expect(moves).toEqual([
      { from: null, to: first, promoted: true },
      { from: first, to: second, promoted: true },
    ])
  })

  test.each<[string, object, (digest: string) => Uint8Array, string]>([
    [
      'signed by nobody the policy names',
      policy,
      (digest) => passed(digest, stranger),
      'test .*result.* by user:',
    ],
    [
      'of a type that no rule asks for',
      policy,
      (digest) => bundle(attestation(digest, {}, { predicateType: SBOM })),
      'sbom .*cannot be read|asks for sbom',
    ],
    ['of another image', policy, () => passed(`sha256:${'e'.repeat(64)}`), 'not about'],
    ['of no form that is read', policy, () => Buffer.from('{broken'), 'neither JSON nor XML'],
    ['where the policy asks for no evidence', {}, passed, 'asks for no evidence'],
  ])('%s is listed as refused, with the reason, and does not come', async (_, lane, content, reason) => {
    const scene = await setScene(house, lane)
    const storage = shelf()
    const { id, digest } = await promoted(house, scene, storage)
    const late = await attach(house, scene, storage, { digest }, content(digest))
    await scan(id, storage)
    expect(await list(id)).toMatchObject([
      { digest: late, state: 'refused', reason: expect.stringMatching(reason) },
    ])
    expect(await scene.landed('app', late)).toBe(null)
    expect(await scene.entries(`digest:${late}`)).toEqual([])
    // A later version of the lane changes nothing for what was approved under this one (invariant 5).
    const wider = { gates: { evidence: [{ type: 'test', from: [`user:${scene.rita.name}`] }] } }
    await house.api.lanes.put({ ...scene.rita, roles: ['admin'] }, scene.lane, { policy: wider })
    expect((await house.api.lanes.get(scene.lane))?.version).toBe(2)
    await scan(id, storage)
    expect(await list(id)).toHaveLength(1)
  })

  test('whose bytes cannot be reached waits, and is looked at again', async () => {
    const scene = await setScene(house, policy)
    const storage = shelf()
    const { id, digest } = await promoted(house, scene, storage)
    const late = await attach(house, scene, storage, { digest }, passed(digest))
    const bytes = new Map(storage.bytes)
    storage.bytes.clear()
    await scan(id, storage)
    expect(await list(id)).toMatchObject([{ state: 'waiting', reason: 'its bytes could not be reached' }])
    for (const [key, value] of bytes) storage.bytes.set(key, value)
    await scan(id, storage)
    expect(await list(id)).toMatchObject([{ digest: late, state: 'admitted', reason: null }])
  })

  test('is asked for where something was let in, and due later the older it is', async () => {
    const scene = await setScene(house, policy)
    const storage = shelf()
    const { id } = await promoted(house, scene, storage)
    const made = await house.api.referrers.list(id, { limit: 1 })
    expect(made).toMatchObject({ items: [], next: null, scannedAt: null, problem: null })
    expect(made.dueAt?.getTime()).toBeGreaterThan(Date.now())
    await scan(id, storage)
    const looked = await house.api.referrers.list(id, { limit: 1 })
    expect(looked.scannedAt).not.toBe(null)
    const nothing = expect.objectContaining({ code: 'request_state' })
    await expect(house.api.referrers.ask(newId())).rejects.toEqual(nothing)
    await scene.push('app', ['2.0.0'])
    const { request } = await scene.request('app:2.0.0').catch(() => ({ request: { id: newId() } }))
    await expect(house.api.referrers.ask(request.id)).rejects.toEqual(nothing)
  })
})
