import { createHash } from 'node:crypto'
import { OCI_CONFIG, OCI_INDEX, OCI_LAYER, OCI_MANIFEST, parseManifest } from '@sluice/oci'
import { PromotionError } from '@sluice/promotion'
import { openEntry } from '@sluice/proof'
import { cloneDatabase, until } from '@sluice/testkit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Actor, listen, newId, openStore, type Store, type StoreEvent } from '../index.ts'

let database: Awaited<ReturnType<typeof cloneDatabase>>
let store: Store
let admin: Actor

beforeAll(async () => {
  database = await cloneDatabase()
  store = await openStore({ url: database.apiUrl })
  await store.accounts.seed({ adminPassword: 'the first one' })
  admin = (await store.accounts.byPassword('admin', 'the first one'))!
})

afterAll(async () => {
  await store.close()
  await database.drop()
})

const page = { limit: 100 }
const newFeed = { stage: 'dev', trusted: false }
const digestOf = (bytes: Uint8Array) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`

async function pushBlob(feedName: string, repository: string, text: string) {
  const address = { feed: (await store.feedIndex.findFeed(feedName))!, repository }
  const bytes = Buffer.from(text)
  const [digest, size, storageKey] = [digestOf(bytes), bytes.length, newId()]
  const { id } = await store.feedIndex.openUpload(address, storageKey, admin.principalId)
  const claim = (await store.feedIndex.claimUpload(id, 0, 60_000))!
  await store.feedIndex.finishUpload(claim, { digest, size, storageKey })
  return { digest, size }
}

async function put(
  feedName: string,
  repository: string,
  document: object,
  mediaType: string,
  tags: string[],
) {
  const address = { feed: (await store.feedIndex.findFeed(feedName))!, repository }
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, ...document }))
  const digest = digestOf(bytes)
  const manifest = parseManifest(bytes, mediaType)
  const outcomes = await store.feedIndex.putManifest({
    address,
    manifest,
    digest,
    tags,
    principalId: admin.principalId,
  })
  return { digest, size: bytes.length, outcomes }
}

/** An image of a config and one layer, the layer being the same in all. */
async function pushImage(feedName: string, repository: string, tags: string[], content = tags.join()) {
  const config = { mediaType: OCI_CONFIG, ...(await pushBlob(feedName, repository, content)) }
  const layer = { mediaType: OCI_LAYER, ...(await pushBlob(feedName, repository, 'the layer')) }
  const image = await put(feedName, repository, { config, layers: [layer] }, OCI_MANIFEST, tags)
  return { ...image, whole: image.size + config.size + layer.size }
}

describe('feeds', () => {
  test('keep their old names for ever, also after they are gone', async () => {
    const { feeds } = store
    await feeds.create(admin, { name: 'one', ...newFeed })
    await feeds.patch(admin, 'one', { name: 'two', stage: 'qa' })
    expect(await feeds.get('one')).toMatchObject({ name: 'two', formerNames: ['one'], stage: 'qa' })
    for (const name of ['one', 'two', 'trusted']) {
      await expect(feeds.create(admin, { name, ...newFeed })).rejects.toMatchObject({
        code: 'name_taken',
        field: 'name',
      })
    }
    await expect(feeds.patch(admin, 'dev', { name: 'one' })).rejects.toMatchObject({ code: 'name_taken' })
    expect(await feeds.patch(admin, 'two', { name: 'one' })).toMatchObject({
      name: 'one',
      formerNames: ['two'],
    })
    await feeds.remove(admin, 'one')
    await expect(feeds.get('two')).rejects.toMatchObject({ code: 'not_found' })
    expect(await store.feedIndex.findFeed('one')).toBeNull()
    await expect(feeds.create(admin, { name: 'two', ...newFeed })).rejects.toMatchObject({
      code: 'name_taken',
    })
    const { items } = await store.audit.list({ ...page, type: 'feed.changed' })
    expect(items.length).toBeGreaterThanOrEqual(2)
  })

  test.each(['Upper', '', 'a/b', 'localhost', 'a.b', 'nul\0', 'x'.repeat(100_000)])(
    'no feed can be called %.20j',
    async (name) => {
      await expect(store.feeds.create(admin, { name, ...newFeed })).rejects.toMatchObject({
        code: 'invalid',
        field: 'name',
      })
      await expect(store.feeds.get(name)).rejects.toMatchObject({ code: 'not_found' })
      await expect(store.lanes.get(name)).rejects.toMatchObject({ code: 'not_found' })
      await expect(store.accounts.groups.get(name)).rejects.toMatchObject({ code: 'not_found' })
    },
  )

  test('trusted is fixed once there is a repository; a lane keeps both its feeds', async () => {
    const { feeds } = store
    await feeds.create(admin, { name: 'fixed', ...newFeed })
    expect(await feeds.patch(admin, 'fixed', { trusted: true })).toMatchObject({ trusted: true })
    await feeds.patch(admin, 'fixed', { trusted: false })
    await pushImage('fixed', 'app', ['1.0.0'])
    await expect(feeds.patch(admin, 'fixed', { trusted: true })).rejects.toMatchObject({
      code: 'trusted_fixed',
    })
    await expect(feeds.remove(admin, 'trusted')).rejects.toMatchObject({ code: 'feed_in_use' })
    await expect(feeds.patch(admin, 'fixed', { tagRules: { imutable: [] } })).rejects.toThrow(PromotionError)
  })

  test('grants are replaced whole, if they are still what was read', async () => {
    const { feeds } = store
    const { id } = await feeds.create(admin, { name: 'granted', ...newFeed })
    const before = await feeds.grants(id)
    expect(before.items).toEqual([
      {
        principal: 'user:admin',
        verbs: ['pull', 'push', 'delete', 'request', 'approve', 'admin', 'break-glass', 'recall'],
      },
    ])
    const after = await feeds.putGrants(
      admin,
      id,
      [
        { principal: 'admin', verbs: ['push', 'pull', 'pull'] },
        { principal: '*', verbs: ['pull'] },
      ],
      before.etag,
    )
    expect(after.items).toEqual([
      { principal: '*', verbs: ['pull'] },
      { principal: 'user:admin', verbs: ['pull', 'push'] },
    ])
    await expect(feeds.putGrants(admin, id, [], before.etag)).rejects.toMatchObject({
      code: 'precondition_failed',
    })
    expect(await feeds.putGrants(admin, id, after.items, after.etag)).toEqual(after)
    const { items } = await store.audit.list({ ...page, subject: `feed:${id}`, type: 'feed.grants_changed' })
    expect(items.map(({ payload }) => payload)).toEqual([{ from: before.items, to: after.items }])
  })

  test.each([
    ['[0].principal', { principal: 'user:nobody', verbs: ['pull'] }],
    ['[0].principal', { principal: 'robot:a\0b', verbs: ['pull'] }],
    ['[0].principal', { principal: 'team:admin', verbs: ['pull'] }],
    ['[0].verbs', { principal: '*', verbs: ['fly'] }],
    ['[0].verbs', { principal: '*', verbs: [] }],
  ])('a grant with a wrong %s', async (field, grant) => {
    const { id } = await store.feeds.get('dev')
    await expect(store.feeds.putGrants(admin, id, [grant])).rejects.toMatchObject({ code: 'invalid', field })
  })
})

describe('tags', () => {
  test('come in version order, with size, platforms and who pushed', async () => {
    const { id } = await store.feeds.create(admin, { name: 'tagged', ...newFeed })
    const [ten, nine] = [
      await pushImage('tagged', 'app', ['1.10.0', 'latest']),
      await pushImage('tagged', 'app', ['1.9.0']),
    ]
    const entry = { mediaType: OCI_MANIFEST, digest: ten.digest, size: ten.size }
    const platform = { os: 'linux', architecture: 'arm64', variant: 'v8' }
    const manifests = [
      { ...entry, platform },
      {
        ...entry,
        digest: nine.digest,
        size: nine.size,
        platform: { os: 'unknown', architecture: 'unknown' },
      },
    ]
    const index = await put('tagged', 'app', { manifests }, OCI_INDEX, ['2.0.0'])
    const { items, next } = await store.feeds.tags(id, 'app', page)
    expect(items.map(({ tag }) => tag)).toEqual(['1.9.0', '1.10.0', '2.0.0', 'latest'])
    expect(next).toBeNull()
    expect(items[1]).toMatchObject({
      digest: ten.digest,
      mediaType: OCI_MANIFEST,
      size: ten.whole,
      platforms: [],
      pushedBy: 'admin',
      promotionId: null,
      virtual: false,
    })
    // The layer is shared and counted once.
    expect(items[2]).toMatchObject({
      digest: index.digest,
      size: index.size + ten.whole + nine.whole - 'the layer'.length,
      platforms: ['linux/arm64/v8'],
    })
    const first = await store.feeds.tags(id, 'app', { limit: 3 })
    const rest = await store.feeds.tags(id, 'app', { limit: 3, after: first.next })
    expect([...first.items, ...rest.items]).toEqual(items)
    expect(await store.feeds.repositories(id, page)).toMatchObject({ items: [{ name: 'app' }], next: null })
    for (const [find, found] of [
      ['pP', 1],
      ['%', 0],
    ] as const)
      expect((await store.feeds.repositories(id, { ...page, find })).items).toHaveLength(found)
    await expect(store.feeds.tags(id, 'nul\0', page)).rejects.toMatchObject({ code: 'not_found' })
    await expect(store.feeds.tags(id, 'app', { limit: 3, after: 'x'.repeat(100_000) })).rejects.toMatchObject(
      { code: 'invalid', field: 'after' },
    )
  })

  test('remember every move, and what they were at a time', async () => {
    const { id } = await store.feeds.create(admin, { name: 'moved', ...newFeed })
    const one = await pushImage('moved', 'app', ['main'], 'one')
    const between = new Date()
    await until(() => Date.now() > between.getTime() + 2, { what: 'the next millisecond' })
    const two = await pushImage('moved', 'app', ['main'], 'two')
    const address = { feed: (await store.feedIndex.findFeed('moved'))!, repository: 'app' }
    await store.feedIndex.deleteTag(address, 'main', admin.principalId)
    const first = await store.feeds.tagHistory(id, 'app', 'main', { limit: 2 })
    const rest = await store.feeds.tagHistory(id, 'app', 'main', { limit: 2, after: first.next })
    expect([...first.items, ...rest.items].map(({ from, to, by }) => [from, to, by])).toEqual([
      [two.digest, null, 'admin'],
      [one.digest, two.digest, 'admin'],
      [null, one.digest, 'admin'],
    ])
    expect(await store.feeds.tagAt(id, 'app', 'main', new Date(0))).toBeNull()
    expect(await store.feeds.tagAt(id, 'app', 'main', between)).toBe(one.digest)
    expect(await store.feeds.tagAt(id, 'app', 'main', new Date(Date.now() + 60_000))).toBeNull()
  })

  test('an immutable tag stays; when every tag is refused nothing is stored', async () => {
    await store.feeds.create(admin, { name: 'strict', ...newFeed, tagRules: { immutable: ['release'] } })
    const one = await pushImage('strict', 'app', ['1.0.0', 'main'], 'one')
    expect((await pushImage('strict', 'app', ['1.0.0'], 'one')).outcomes).toEqual([
      { tag: '1.0.0', moved: false, refusal: null },
    ])
    const two = await pushImage('strict', 'app', ['1.0.0'], 'two')
    expect(two.outcomes).toMatchObject([
      { tag: '1.0.0', moved: false, refusal: { rule: expect.stringContaining('release') } },
    ])
    const address = { feed: (await store.feedIndex.findFeed('strict'))!, repository: 'app' }
    expect(await store.feedIndex.findManifest(address, two.digest)).toBeNull()
    const both = await pushImage('strict', 'app', ['main', '1.0.0'], 'two')
    expect(both.outcomes).toMatchObject([
      { tag: 'main', moved: true },
      { tag: '1.0.0', moved: false },
    ])
    expect((await store.feedIndex.findManifest(address, '1.0.0'))?.digest).toBe(one.digest)
  })

  test('contested pushes of one tag all end, each move from where the last one left it', async () => {
    const { id } = await store.feeds.create(admin, { name: 'contest', ...newFeed })
    await Promise.all(
      Array.from({ length: 8 }, (_, n) => pushImage('contest', 'app', ['b', 'a'], `image ${n}`)),
    )
    for (const tag of ['a', 'b']) {
      const { items } = await store.feeds.tagHistory(id, 'app', tag, page)
      expect(items.map(({ from }) => from)).toEqual([...items.slice(1).map(({ to }) => to), null])
      expect(items).toHaveLength(8)
    }
  })

  test('whoever pushes bytes under Docker’s type first takes no referrer away from others', async () => {
    await store.feeds.create(admin, { name: 'subject', ...newFeed })
    const subject = await pushImage('subject', 'app', ['1'])
    const config = { mediaType: OCI_CONFIG, ...(await pushBlob('subject', 'app', 'signature')) }
    const document = {
      config,
      layers: [],
      subject: { mediaType: OCI_MANIFEST, digest: subject.digest, size: subject.size },
    }
    const address = { feed: (await store.feedIndex.findFeed('subject'))!, repository: 'app' }
    const referrers = async () =>
      (
        await store.feedIndex.listReferrers(address, subject.digest, {
          artifactType: null,
          limit: 9,
          afterDigest: null,
        })
      ).descriptors
    await put('subject', 'app', document, 'application/vnd.docker.distribution.manifest.v2+json', [])
    expect(await referrers()).toEqual([])
    const { digest } = await put('subject', 'app', document, OCI_MANIFEST, [])
    expect(await referrers()).toMatchObject([{ digest, mediaType: OCI_MANIFEST }])
  })
})

describe('lanes', () => {
  test('a changed policy is a new version; the same one is not', async () => {
    const { lanes, feeds } = store
    await feeds.create(admin, { name: 'qa', ...newFeed })
    const lane = await lanes.create(admin, { name: 'dev-to-qa', from: 'dev', to: 'qa', policy: {} })
    expect(lane).toMatchObject({
      version: 1,
      from: 'dev',
      to: 'qa',
      policy: { gates: { quorum: [{ count: 1 }] } },
    })
    expect(await lanes.put(admin, 'dev-to-qa', { policy: {} })).toMatchObject({ version: 1 })
    const policy = { gates: { quorum: [{ count: 2 }] } }
    expect(await lanes.put(admin, 'dev-to-qa', { policy })).toMatchObject({ version: 2, policy })
    await expect(
      lanes.create(admin, { name: 'dev-to-qa', from: 'dev', to: 'qa', policy: {} }),
    ).rejects.toMatchObject({ code: 'name_taken' })
    await lanes.remove(admin, 'dev-to-qa')
    await expect(lanes.get('dev-to-qa')).rejects.toMatchObject({ code: 'not_found' })
    const again = await lanes.create(admin, { name: 'dev-to-qa', from: 'dev', to: 'qa', policy: {} })
    expect(again.id).not.toBe(lane.id)
    const { items } = await store.audit.list({ ...page, subject: `lane:${lane.id}` })
    expect(items.map(({ type }) => type)).toEqual(['lane.removed', 'lane.changed', 'lane.created'])
  })

  test.each([
    ['from', { from: 'nowhere' }],
    ['to', { to: 'nul\0' }],
    ['to', { to: 'dev' }],
    ['name', { name: 'Bad' }],
  ])('a wrong %s is refused', async (field, wrong) => {
    const lane = { name: 'wrong', from: 'dev', to: 'trusted', policy: {}, ...wrong }
    await expect(store.lanes.create(admin, lane)).rejects.toMatchObject({ code: 'invalid', field })
  })

  test('a policy with an unknown key, or of a robot, is refused', async () => {
    await expect(store.lanes.put(admin, 'dev-to-trusted', { policy: { gate: {} } })).rejects.toThrow(
      PromotionError,
    )
    const robot: Actor = { ...admin, kind: 'robot', personId: null }
    await expect(store.lanes.put(robot, 'dev-to-trusted', { policy: {} })).rejects.toMatchObject({
      code: 'denied',
    })
  })
})

describe('the audit list', () => {
  test('goes back from the newest by pages, and filters', async () => {
    const all = (await store.audit.list({ limit: 200 })).items
    const pages = []
    for (let after: string | null | undefined; after !== null; ) {
      const answer = await store.audit.list({ limit: 7, after })
      pages.push(...answer.items)
      after = answer.next
    }
    expect(pages.slice(0, all.length)).toEqual(all)
    const [some] = all
    const narrow = {
      limit: 200,
      type: some!.type,
      actor: some!.actor,
      subject: some!.subjects[0],
      since: some!.at,
      until: new Date(some!.at.getTime() + 1),
    }
    expect((await store.audit.list(narrow)).items).toContainEqual(some)
    for (const filter of [{ type: 'none' }, { actor: 'nul\0' }, { subject: 'x y' }, { until: new Date(0) }]) {
      expect((await store.audit.list({ ...page, ...filter })).items).toEqual([])
    }
    await expect(store.audit.list({ limit: 1, after: '1 or 1=1' })).rejects.toMatchObject({
      code: 'invalid',
      field: 'after',
    })
  })

  test('every entry is canonical to the byte and names its row', async () => {
    const { rows } = await store.pool.query<{
      bytes: Buffer
      type: string
      actor: string
      subjects: string[]
    }>('select * from audit_entry')
    expect(rows.length).toBeGreaterThan(10)
    for (const { bytes, type, actor, subjects } of rows) {
      expect(openEntry(new Uint8Array(bytes))).toMatchObject({ type, actor, subjects })
    }
  })
})

test('listening survives the loss of its connection, and says that something may have been missed', async () => {
  const heard: StoreEvent[] = []
  const listening = await listen(store, (event) => heard.push(event))
  const notify = () => store.pool.query(`select pg_notify('sluice_request', 'r1')`)
  await notify()
  await until(() => heard.some((event) => event.channel === 'sluice_request' && event.requestId === 'r1'), {
    what: 'r1',
  })
  await store.pool.query(
    `select pg_terminate_backend(pid) from pg_stat_activity where query like 'listen %' and datname = current_database()`,
  )
  await until(() => heard.some(({ channel }) => channel === 'reconnected'), { what: 'the new connection' })
  heard.length = 0
  await notify()
  await until(() => heard.length > 0, { what: 'the next event' })
  await listening.close()
})
