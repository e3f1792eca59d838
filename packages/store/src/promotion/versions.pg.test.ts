import { digestOf, OCI_MANIFEST, parseManifest } from '@sluice/oci'
import { TRUSTED_TAG_RULES } from '@sluice/promotion'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type House, nothingLanded, openHouse, type Scene, setScene } from './test-scene.ts'

let house: House

beforeAll(async () => {
  house = await openHouse()
})
afterAll(() => house.close())

const versioned = () =>
  setScene(house, { devTagRules: { versions: true, permitted: ['edge'] }, tagRules: TRUSTED_TAG_RULES })
const setRules = (scene: Scene, rules: object) =>
  scene.sql('update feed set tag_rules = $2 where id = $1', [scene.trusted.id, rules])

describe('a request for a virtual tag', () => {
  test('is for the release that it stood for, whatever comes later', async () => {
    const scene = await versioned()
    await scene.push('app', ['1.4.2'])
    const digest = await scene.push('app', ['1.4.3'])
    await scene.push('app', ['1.5.0-rc.1'])
    const { request } = await scene.request('app:1.4')
    const pinned = { digest, source: { tag: '1.4.3' }, target: { tags: [{ tag: '1.4.3', expected: null }] } }
    expect(request).toMatchObject({ ...pinned, drift: null })
    const later = await scene.push('app', ['1.4.4'])
    expect(await house.api.requests.get(request.id)).toMatchObject({ ...pinned, drift: null })
    const next = await scene.request('app:1.4')
    expect(next).toMatchObject({ created: true, request: { digest: later, source: { tag: '1.4.4' } } })
    expect((await scene.request('app:latest')).request.id).toBe(next.request.id)
  })

  test('keeps the target tags that were asked for', async () => {
    const scene = await versioned()
    await scene.push('app', ['1.4.3-rc.1'])
    const digest = await scene.push('app', ['1.4.3'])
    const { request } = await scene.request('app:1', { targetTags: ['2.0.0'] })
    expect(request).toMatchObject({ digest, source: { tag: '1.4.3' }, target: { tags: [{ tag: '2.0.0' }] } })
  })

  test.each([
    ['nothing is behind', 'app:2', 'tag_unknown'],
    ['only a pre-release is behind', 'app:1.5', 'tag_unknown'],
    ['it is not what the digest says', `app:1.4@sha256:${'0'.repeat(64)}`, 'digest_mismatch'],
  ])('is refused when %s', async (_, image, code) => {
    const scene = await versioned()
    await scene.push('app', ['1.4.2'])
    await scene.push('app', ['1.5.0-rc.1'])
    await expect(scene.request(image)).rejects.toMatchObject({ code })
  })

  test('names a target once, by whatever tag', async () => {
    const scene = await versioned()
    await scene.push('app', ['1.4.2'])
    const items = [{ image: 'app:1.4' }, { image: 'app:1.4.2' }]
    await expect(house.api.requests.create(scene.rita, { lane: scene.lane, items })).rejects.toMatchObject({
      code: 'invalid',
      detail: { issues: [{ rule: 'repeated' }] },
    })
  })

  test('of a feed without versions is for the tag of that name alone', async () => {
    const scene = await setScene(house, { tagRules: TRUSTED_TAG_RULES })
    await scene.push('app', ['1.4.2'])
    await expect(scene.request('app:latest')).rejects.toMatchObject({ code: 'tag_unknown' })
    const digest = await scene.push('app', ['latest'])
    const { request } = await scene.request('app:latest', { targetTags: ['1.4.3'] })
    expect(request).toMatchObject({ digest, source: { tag: 'latest' } })
  })
})

describe('a promotion', () => {
  test('gives a candidate its release tag, and the virtual tags follow precedence', async () => {
    const scene = await versioned()
    const candidate = await scene.push('app', ['3.4.1-rc.4'])
    await scene.promote((await scene.approved('app:3.4.1-rc.4', { targetTags: ['3.4.1'] })).promotionId)
    const older = await scene.push('app', ['2.8.4'])
    const { promotionId, id } = await scene.approved('app:2.8.4')
    await scene.promote(promotionId)
    for (const tag of ['latest', '3', '3.4', '3.4.1']) expect(await scene.landed('app', tag)).toBe(candidate)
    for (const tag of ['2', '2.8', '2.8.4']) expect(await scene.landed('app', tag)).toBe(older)
    expect(await scene.landed('app', '3.4.1-rc.4')).toBeNull()

    const feedId = scene.trusted.id
    const ask = (tag: string) => house.api.verify({ feedId, repository: 'app', tag })
    expect(await ask('latest')).toMatchObject({ allowed: true, digest: candidate, reason: 'admitted' })
    expect(await ask('4')).toMatchObject({ allowed: false, digest: null, reason: 'not_in_feed' })
    const { items } = await house.api.feeds.tagHistory(feedId, 'app', '2.8.4', { limit: 9 })
    expect(items).toMatchObject([
      { from: null, to: older, by: null, promotionId, requestId: id, approvers: [scene.anna.name] },
    ])
    expect(await house.api.digests.get(candidate, [feedId])).toMatchObject({
      locations: [{ tags: ['3.4.1'], virtualTags: ['3', '3.4', 'latest'] }],
    })
  })

  test('of another digest to an immutable release is refused when it is asked for, naming both', async () => {
    const scene = await versioned()
    const one = await scene.push('app', ['1.0.0'])
    await scene.promote((await scene.approved()).promotionId)
    const two = await scene.push('app', ['1.0.1'])
    await expect(scene.request('app:1.0.1', { targetTags: ['1.0.0'] })).rejects.toMatchObject({
      code: 'tag_exists',
      detail: { current: one, asked: two, rule: 'release' },
    })
    // The same digest again is fine.
    expect((await scene.request('app:1.0.0', { targetTags: ['1.0.0', '1.0.1'] })).created).toBe(true)
  })

  test('that was approved before a rule was made is refused at its start', async () => {
    const scene = await setScene(house)
    await scene.push('app', ['main'])
    const { promotionId } = await scene.approved('app:main')
    await setRules(scene, TRUSTED_TAG_RULES)
    const input = { promotionId, attempt: 1, worker: 'w', leaseMs: 60_000 }
    expect(await house.worker.runs.begin(input)).toEqual({ state: 'ended', promotionState: 'FAILED' })
    const [row] = await scene.sql('select error_code from promotion where id = $1', [promotionId])
    expect(row).toEqual({ error_code: 'tag_not_permitted' })
    await nothingLanded(scene)
  })

  test('that was started before a rule was made is refused by Postgres', async () => {
    const scene = await setScene(house)
    await scene.push('app', ['main'])
    const run = await scene.begin((await scene.approved('app:main')).promotionId)
    await scene.stageAll(run)
    await setRules(scene, TRUSTED_TAG_RULES)
    await expect(house.worker.runs.commit(run)).rejects.toMatchObject({ code: 'tag_not_permitted' })
    await nothingLanded(scene)
  })

  test('that moves what has become immutable meanwhile is refused by Postgres', async () => {
    const scene = await setScene(house)
    const one = await scene.push('app', ['main'])
    await scene.promote((await scene.approved('app:main')).promotionId)
    await scene.push('app', ['main'])
    const run = await scene.begin((await scene.approved('app:main')).promotionId)
    await scene.stageAll(run)
    await setRules(scene, { immutable: ['main'] })
    await expect(house.worker.runs.commit(run)).rejects.toMatchObject({ code: 'tag_immutable' })
    expect(await scene.landed('app', 'main')).toBe(one)
  })
})

test('what dev holds about an image never shows through trusted', async () => {
  const scene = await versioned()
  const digest = await scene.push('app', ['1.0.0'])
  await scene.promote((await scene.approved()).promotionId)
  const { feedIndex } = house.api
  const dev = { feed: scene.dev, repository: 'app' }
  const image = (await feedIndex.findManifest(dev, digest))!
  const { config, layers } = JSON.parse(Buffer.from(image.bytes).toString())
  const subject = { mediaType: OCI_MANIFEST, digest, size: image.bytes.length }
  const signature = {
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    artifactType: 'x/y',
    config,
    layers,
    subject,
  }
  const bytes = Buffer.from(JSON.stringify(signature))
  await feedIndex.putManifest({
    address: dev,
    manifest: parseManifest(bytes, OCI_MANIFEST),
    digest: digestOf(bytes),
    tags: [],
    principalId: scene.rita.principalId,
  })
  const filter = { artifactType: null, limit: 9, afterDigest: null }
  const referrers = async (feed: typeof scene.dev) =>
    (await feedIndex.listReferrers({ feed, repository: 'app' }, digest, filter)).descriptors
  expect(await referrers(scene.dev)).toMatchObject([{ digest: digestOf(bytes) }])
  expect(await referrers(scene.trusted)).toEqual([])
  expect(await feedIndex.findManifest({ feed: scene.trusted, repository: 'app' }, digestOf(bytes))).toBeNull()
})
