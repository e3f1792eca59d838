import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { createFeedServer } from '@sluice/feed'
import { memoryStorage } from '@sluice/feed/storage'
import { parsePolicy } from '@sluice/promotion'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Beside, fresh, openBeside } from '../promotion/test-elsewhere.ts'
import { addLane, setScene } from '../promotion/test-scene.ts'
import { purge } from '../purge/test-purge.ts'

let beside: Beside
let server: Server
let base: string
beforeAll(async () => {
  beside = await openBeside()
  const { store } = beside
  const handle = createFeedServer({
    index: store.feedIndex,
    storage: memoryStorage(),
    upstreams: store.proxies,
    authenticate: async () => ({
      principalId: 'reader',
      may: async () => 'allowed',
      readableFeedIds: async () => [],
    }),
    challenge: () => 'Basic',
  })
  server = createServer((req, res) => void handle(req, res))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  base = typeof address === 'object' && address !== null ? `http://127.0.0.1:${address.port}` : ''
})
afterAll(async () => {
  server.closeAllConnections()
  server.close()
  await beside.close()
})

const refused = (code: string) => expect.objectContaining({ name: 'StoreError', code })

/** Status, and the first error of the answer. */
async function pull(feed: { name: string }, repository: string, reference: string) {
  const response = await fetch(`${base}/v2/${feed.name}/${repository}/manifests/${reference}`)
  const body: { errors?: { code: string; message: string; detail?: object }[] } = JSON.parse(
    await response.text(),
  )
  return { status: response.status, ...body.errors?.[0] }
}

const makeProxy = (url: string, prefix: string) => {
  const { store } = beside
  return async (by: Parameters<typeof store.feeds.create>[0]) =>
    store.feeds.create(by, {
      name: fresh('hub'),
      stage: 'hub',
      trusted: false,
      remote: { url, prefix, plainHttp: 'loopback' },
      cache: {},
    })
}

/** An index that was pulled through a proxy feed and promoted from there. */
async function promoted() {
  const { house, store, registry } = beside
  const scene = await setScene(house)
  const hub = await makeProxy(registry.url, 'library')(scene.rita)
  const lane = fresh('lane')
  await addLane(
    house.api,
    lane,
    hub.id,
    scene.trusted.id,
    scene.rita,
    parsePolicy({ gates: {}, requestExpiresAfter: { hours: 1 } }),
  )
  const repository = fresh('app')
  const { digest, children } = registry.index(`library/${repository}`, ['1.0.0'])
  expect((await pull(hub, repository, '1.0.0')).status).toBe(200)
  const request = async (targetTag: string) =>
    (
      await store.requests.create(scene.rita, {
        lane,
        items: [{ image: `${repository}@${digest}`, targetTags: [targetTag] }],
      })
    ).request
  const approve = async (targetTag: string) => {
    const { id } = await request(targetTag)
    const view = await store.requests.approve(scene.anna, id, { digest })
    const run = await scene.begin(view.promotion?.id ?? '')
    await scene.sql(
      `insert into blob (digest, size, storage_key) select c.digest, c.size, c.digest from closure_member c
       where c.request_id = $1 and c.kind = 'blob' on conflict do nothing`,
      [id],
    )
    await scene.stageAll(run)
    return run
  }
  await house.worker.runs.commit(await approve('1.0.0'))
  expect((await pull(scene.trusted, repository, '1.0.0')).status).toBe(200)
  await scene.sql(`update access_grant set verbs = verbs || '{recall}' where feed_id = $1`, [
    scene.trusted.id,
  ])
  return {
    house,
    store,
    registry,
    scene,
    hub,
    repository,
    digest,
    child: children[0]?.digest ?? '',
    request,
    approve,
  }
}

test.each(['the index', 'an image of it'])(
  '%s is recalled: no feed after the proxy serves it, and no promotion brings it again (invariants 1 and 8)',
  async (what) => {
    const { house, store, scene, hub, repository, digest, child, request, approve } = await promoted()
    const open = await approve('1.0.1')
    const outer = await makeProxy(base, scene.trusted.name)(scene.rita)
    expect((await pull(outer, repository, '1.0.0')).status).toBe(200)
    const recalled = what === 'the index' ? digest : child
    await store.recalls.create(scene.anna, { digest: recalled, feedId: scene.trusted.id, reason: 'CVE-1' })

    for (const reference of ['1.0.0', digest]) {
      expect(await pull(scene.trusted, repository, reference)).toMatchObject({
        status: 403,
        code: 'DENIED',
        message: expect.stringContaining('CVE-1'),
      })
    }
    // A proxy of the trusted feed hears of it, whatever it keeps.
    expect(await pull(outer, repository, '1.0.0')).toMatchObject({ status: 403, code: 'DENIED' })
    // Nobody has approved what a cache holds, so nothing is withdrawn from it: it is a feed before that one.
    expect((await pull(hub, repository, '1.0.0')).status).toBe(200)
    await expect(request('1.0.2')).rejects.toEqual(refused('gate_refused'))
    await expect(house.worker.runs.commit(open)).rejects.toEqual(refused('recalled'))
    expect((await pull(scene.trusted, repository, '1.0.1')).status).toBe(404)
  },
)

test('what was purged is refused by the proxy too, and is not fetched again (invariants 7 and 10)', async () => {
  const { house, registry, scene, hub, repository, digest, request } = await promoted()
  const twin = fresh('twin')
  const found = registry.manifests.get(`library/${repository} ${digest}`)
  if (found === undefined) throw new Error('it is there')
  for (const name of [digest, '1.0.0']) registry.manifests.set(`library/${twin} ${name}`, found)
  // Some registries serve the bytes of manifests as blobs, too.
  registry.blob('application/octet-stream', found.bytes)
  await purge(house, scene, digest)
  registry.log.length = 0

  const unknown = { status: 404, code: 'MANIFEST_UNKNOWN' }
  const gone = { message: expect.stringContaining('leaked key'), detail: { digest, reason: 'leaked key' } }
  for (const reference of [digest, '1.0.0'])
    expect(await pull(hub, repository, reference)).toMatchObject({ ...unknown, ...gone })
  // Where it never was, it is told no more than of what nobody has (invariant 11): not the reason, nor that there is one.
  const nothing = `sha256:${'0'.repeat(64)}`
  for (const [reference, absent] of [
    [digest, nothing],
    ['1.0.0', '9.9.9'],
  ] as const) {
    const { message = '', ...told } = await pull(hub, twin, reference)
    const { message: usual = '', ...said } = await pull(hub, twin, absent)
    expect(said).toEqual(unknown)
    expect([told, message.replace(reference, absent)]).toEqual([said, usual])
  }
  for (const method of ['GET', 'HEAD']) {
    const { status } = await fetch(`${base}/v2/${hub.name}/${twin}/blobs/${digest}`, { method })
    expect(status).toBe(404)
  }
  await expect(request('1.0.2')).rejects.toEqual(refused('purged'))
  const fetched = registry.log.filter((line) => line.startsWith('GET') && /(manifests|blobs)/.test(line))
  expect(fetched.filter((line) => !line.endsWith(nothing))).toEqual([])
  expect(await scene.sql('select from manifest where digest = $1', [digest])).toEqual([])
  expect(await scene.sql('select from repository_manifest where digest = $1', [digest])).toEqual([])
  // Another image under the tag is none of this.
  const next = registry.image(`library/${repository}`, ['1.0.0'])
  expect((await pull(hub, repository, '1.0.0')).status).toBe(200)
  expect((await pull(hub, repository, next)).status).toBe(200)
})
