import { type Served, startFeed } from '@sluice/feed/test-registry'
import { OCI_MANIFEST, openRegistry, verifyGraph } from '@sluice/oci'
import { pushImage, startFlakyProxy, until } from '@sluice/testkit'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { closeGate } from './testdata/gate.ts'
import { type Approved, openScene, REPOSITORY, type Scene } from './testdata/scene.ts'
import { HASTY, type WorkerProcess } from './testdata/worker-process.ts'

// What others do to a registry, or to the settings of its feed, around the moment in which a tag is set there.

let to: Served
let scene: Scene
let worker: WorkerProcess

beforeAll(async () => {
  to = await startFeed()
  scene = await openScene()
  await scene.hurry()
  worker = await scene.spawn(HASTY)
})
afterAll(async () => {
  await scene.close()
  await to.stop()
})

const tagPath = /\/manifests\/1\.0\.0$/

/** A lane into the registry, and what anybody sees there. */
async function openLane(name: string, { url }: { url: string }) {
  const place = `dev/${name}/${REPOSITORY}`
  const registry = openRegistry({ baseUrl: to.url, plainHttp: 'loopback' })
  const repository = registry.repository(place, 'pull,push')
  return {
    approve: await scene.lane({ to: { url, prefix: `dev/${name}/` } }),
    place,
    served: async () => (await repository.resolve('1.0.0'))?.digest ?? null,
    close: () => registry.close(),
  }
}

async function ended({ promotionId, requestId }: Approved) {
  const over = async (): Promise<boolean> =>
    ['SUCCEEDED', 'FAILED', 'ERRORED'].includes(await scene.state(promotionId))
  await until(over, { what: `the end of ${promotionId}`, timeoutMs: 60_000 })
  return (await scene.api.requests.get(requestId))?.promotion
}

/** The image under its tag is whole in this registry. */
async function expectWhole(url: string, place: string, { digest }: Approved): Promise<void> {
  const registry = openRegistry({ baseUrl: url, plainHttp: 'loopback' })
  const repository = registry.repository(place)
  const root = await repository.resolve('1.0.0')
  expect(root?.digest).toBe(digest)
  if (root !== null) await verifyGraph({ registry: repository, root })
  registry.close()
}

test('invariant 2: what the registry loses between the intent and a retry is sent before the tag is', async () => {
  const proxy = await startFlakyProxy(to.url)
  const lane = await openLane('lost', proxy)
  let layer = ''
  const approved = await lane.approve('1.0.0', 5_000, (pushed) => {
    layer = pushed.layer
    proxy.add({ method: 'PUT', path: tagPath, fault: { kind: 'status', status: 403 } })
  })
  expect(await ended(approved)).toMatchObject({ state: 'ERRORED', error: { code: 'forbidden' } })
  // Under an index, nothing that the tag names itself is missing.
  const there = `${to.url}/v2/${lane.place}/blobs/${layer}`
  expect((await fetch(there, { method: 'DELETE' })).status).toBe(202)
  proxy.heal()
  await scene.api.requests.retry(scene.requester, approved.requestId)
  expect(await ended(approved)).toMatchObject({ state: 'SUCCEEDED' })
  await expectWhole(to.url, lane.place, approved)
  lane.close()
  await proxy.close()
})

test('invariant 10: whoever takes the tag before it was read back has it, and the promotion does not say otherwise', async () => {
  const proxy = await startFlakyProxy(to.url)
  const lane = await openLane('taken', proxy)
  let taken = (): void => undefined
  const hold = { kind: 'hold-request', until: new Promise<void>((resolve) => (taken = resolve)) } as const
  const approved = await lane.approve('1.0.0', 100, () =>
    proxy.add({ method: 'GET', path: tagPath, fault: hold, times: 1 }),
  )
  await until(() => proxy.log.some((line) => line.startsWith('GET ') && tagPath.test(line)), {
    what: 'the tag to be read back',
    timeoutMs: 60_000,
  })
  expect(await lane.served()).toBe(approved.digest)
  const theirs = await pushImage(to.url, lane.place, [10], { tag: '1.0.0' })
  expect(theirs.mediaType).toBe(OCI_MANIFEST)
  taken()
  expect(await ended(approved)).toMatchObject({ state: 'FAILED', error: { code: 'target_moved' } })
  expect(worker.lines.some(({ code }) => code === 'tag_not_set')).toBe(true)
  expect(await lane.served()).toBe(theirs.digest)
  lane.close()
  await proxy.close()
})

test('invariant 2: a feed that leads elsewhere by the time of the tag: nothing there is named before it was read back', async () => {
  const elsewhere = await startFeed()
  const lane = await openLane('moved', to)
  const gate = await closeGate(
    scene.owner,
    'promotion_step',
    `new.name = 'verify' and new.finished_at is not null`,
  )
  const approved = await lane.approve('1.0.0')
  await gate.reached()
  const query = `update feed_remote set base_url = $1, changed_at = now() where prefix = 'dev/moved'`
  expect(await scene.owner.query(query, [elsewhere.url])).toMatchObject({ rowCount: 1 })
  await gate.open()
  expect(await ended(approved)).toMatchObject({ state: 'SUCCEEDED' })
  expect(worker.lines.some(({ code }) => code === 'feed_changed')).toBe(true)
  expect(await lane.served()).toBeNull()
  await expectWhole(elsewhere.url, lane.place, approved)
  lane.close()
  await elsewhere.stop()
})
