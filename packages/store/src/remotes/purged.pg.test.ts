import { digestOf, OCI_CONFIG, OCI_MANIFEST, openRegistry } from '@sluice/oci'
import { parsePolicy } from '@sluice/promotion'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { tagOf } from '../evidence/test-attached.ts'
import { attestation, bytesOf, from, keys, result } from '../evidence/test-attestation.ts'
import { newId } from '../index.ts'
import { type Beside, fresh, openBeside } from '../promotion/test-elsewhere.ts'
import { addLane, setScene } from '../promotion/test-scene.ts'
import { holdInTrusted, purge } from '../purge/test-purge.ts'

let beside: Beside
beforeAll(async () => {
  beside = await openBeside()
})
afterAll(() => beside.close())

const ENVELOPE = 'application/vnd.dsse.envelope.v1+json'
const storage = {
  // oxlint-disable-next-line require-yield -- our own storage holds nothing of another registry
  async *read(): AsyncGenerator<Uint8Array> {
    throw new Error('not asked')
  },
}

/** An image in a registry elsewhere, and a lane from there that asks for test results. */
async function seen(kind: 'remote' | 'proxy') {
  const { house, store, registry } = beside
  const scene = await setScene(house)
  const feed = await store.feeds.create(scene.rita, {
    name: fresh('far'),
    stage: 'far',
    trusted: false,
    remote: { url: registry.url, prefix: 'team', plainHttp: 'loopback' },
    ...(kind === 'proxy' && { cache: {} }),
  })
  const lane = fresh('lane')
  const policy = parsePolicy({ gates: { tests: [{ from }] }, keys, requestExpiresAfter: { hours: 1 } })
  await addLane(house.api, lane, feed.id, scene.trusted.id, scene.rita, policy)
  const repository = fresh('app')
  const there = `team/${repository}`
  const digest = registry.image(there, ['1.0.0'])
  const layer = () =>
    registry.blob(ENVELOPE, Buffer.from(bytesOf(attestation(digest, { ...result('PASSED'), at: newId() }))))
  const asked = { lane, items: [{ image: `${repository}:1.0.0` }] }
  return {
    house,
    scene,
    registry,
    repository,
    there,
    digest,
    asked,
    /** A signed test result that names the image as its subject; or that hangs on it by a tag, as cosign does. */
    hang: () =>
      registry.attach(there, { digest, mediaType: OCI_MANIFEST, size: registry.sizeOf(digest) }, layer()),
    tag: () =>
      registry.put(
        there,
        { artifactType: ENVELOPE, config: registry.blob(OCI_CONFIG), layers: [layer()] },
        OCI_MANIFEST,
        [tagOf(digest, 'att')],
      ).digest,
    /** Serves it under the digest of sha512, and lists that alone. */
    underOther(one: string) {
      const found = registry.manifests.get(`${there} ${one}`)
      if (found === undefined) throw new Error('it is there')
      const twin = digestOf(found.bytes, 'sha512')
      registry.manifests.set(`${there} ${twin}`, { ...found, digest: twin })
      registry.rename(digest, one, twin)
      return twin
    },
    tests: async () => {
      const { gates } = await store.requests.evaluate(scene.rita, asked, storage)
      return gates.find(({ gate }) => gate === 'tests')?.verdict
    },
    purge: async (one: string) => {
      await holdInTrusted(scene, one)
      await purge(house, scene, one)
    },
    known: async (one: string) =>
      (
        await scene.sql(
          `select from repository_manifest m join repository r on r.id = m.repository_id where r.feed_id = $1 and m.digest = $2`,
          [feed.id, one],
        )
      ).length === 1,
  }
}

describe.each(['remote', 'proxy'] as const)(
  'a %s feed whose registry still serves what was purged',
  (kind) => {
    test.each(['hang', 'tag'] as const)(
      'evidence (%s): it is left out, and what else speaks for the image counts',
      async (way) => {
        const it = await seen(kind)
        const leaked = it[way]()
        expect(await it.tests()).toBe('pass')
        expect(await it.known(leaked)).toBe(true)
        await it.purge(leaked)
        it.registry.log.length = 0
        expect(await it.tests()).toBe('block')
        expect(it.registry.log.filter((line) => line.endsWith(leaked))).toEqual([])
        const other = it.hang()
        expect(await it.tests()).toBe('pass')
        expect([await it.known(leaked), await it.known(other)]).toEqual([false, true])
      },
    )

    test.each([true, false])(
      'evidence that it lists under its other digest: it is left out, too (both on record: %s)',
      async (recorded) => {
        const it = await seen(kind)
        const leaked = it.hang()
        expect(await it.tests()).toBe('pass')
        await it.purge(leaked)
        const twin = it.underOther(leaked)
        if (!recorded)
          await it.scene.unguarded('tombstone', 'delete from tombstone where digest = $1', [twin])
        it.registry.log.length = 0
        expect(await it.tests()).toBe('block')
        expect(await it.known(twin)).toBe(false)
        expect(it.registry.log.filter((line) => line.endsWith(twin)).length > 0).toBe(!recorded)
        it.hang()
        expect(await it.tests()).toBe('pass')
      },
    )

    test('an image: it is refused', async () => {
      const it = await seen(kind)
      it.hang()
      expect(await it.tests()).toBe('pass')
      await it.purge(it.digest)
      await expect(it.tests()).rejects.toEqual(
        expect.objectContaining({ name: 'StoreError', code: 'purged' }),
      )
      expect(await it.known(it.digest)).toBe(false)
    })
  },
)

test.each(['hang', 'tag'] as const)(
  'what was purged (%s) stops nothing that comes after a promotion',
  async (way) => {
    const it = await seen('remote')
    const { house, scene, digest } = it
    it.hang()
    const { request } = await beside.store.requests.create(scene.rita, it.asked, storage)
    const view = await beside.store.requests.approve(scene.anna, request.id, { digest }, storage)
    const run = await scene.begin(view.promotion?.id ?? '')
    await scene.sql(
      `insert into blob (digest, size, storage_key) select c.digest, c.size, c.digest from closure_member c where c.request_id = $1 and c.kind = 'blob'`,
      [request.id],
    )
    await scene.stageAll(run)
    await house.worker.runs.commit(run)
    const { referrers } = house.worker
    await house.api.referrers.ask(request.id)
    const scan = (await referrers.due(100)).find((one) => one.requestId === request.id)
    if (scan === undefined) throw new Error('it is due')
    const at = openRegistry({ baseUrl: it.registry.url, plainHttp: 'loopback' }).repository(it.there, 'pull')
    const observe = () => referrers.observe(scan, at, AbortSignal.timeout(10_000))
    const leaked = it[way]()
    await observe()
    expect(await it.known(leaked)).toBe(true)
    await it.purge(leaked)
    const other = it.hang()
    await observe()
    expect((await referrers.find(scan, storage)).found).toMatchObject([
      { digest: other, verdict: { verdict: 'admit' } },
    ])
    expect(await it.known(leaked)).toBe(false)
  },
)
