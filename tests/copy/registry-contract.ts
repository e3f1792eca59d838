import type { Served } from '@sluice/feed/test-registry'
import { copyGraph, openRegistry, type Registry, verifyGraph } from '@sluice/oci'
import { type FlakyProxy, plain, pushImage, pushIndex, startFlakyProxy } from '@sluice/testkit'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'

const limits = { attempts: 5, firstBackoffMs: 5, longestBackoffMs: 50, stallMs: 200, headMs: 3000 }

/** What the client and the copy rely on in any registry, each as source and as destination. */
export function describeRegistry(kind: string, start: () => Promise<Served>): void {
  describe(`registry: ${kind}`, () => {
    let from: Served
    let to: Served
    let sick: FlakyProxy
    let sickSource: FlakyProxy
    const opened: Registry[] = []
    let count = 0
    let name: string

    beforeAll(async () => {
      from = await start()
      to = await start()
    })
    afterAll(async () => {
      await Promise.all([from.stop(), to.stop()])
    })
    beforeEach(async () => {
      name = `team/app${count++}`
      sick = await startFlakyProxy(to.url)
      sickSource = await startFlakyProxy(from.url)
    })
    afterEach(async () => {
      for (const registry of opened.splice(0)) registry.close()
      await Promise.all([sick.close(), sickSource.close()])
    })

    const open = (baseUrl: string): Registry => {
      const registry = openRegistry({ baseUrl, plainHttp: 'loopback', limits })
      opened.push(registry)
      return registry
    }
    const at = (served: Served, url = served.url) => open(url).repository(served.prefix + name, 'pull,push')
    const coded = (code: string) => expect.objectContaining({ code })

    test('answers', async () => {
      await open(to.url).ping()
    })

    test('what is not there is null', async () => {
      const absent = `sha256:${'0'.repeat(64)}`
      const repository = at(from)
      expect(await repository.resolve('v1')).toBeNull()
      expect(await repository.getManifest(absent)).toBeNull()
      expect(await repository.headBlob(absent)).toBeNull()
      expect(await repository.referrers(absent)).toEqual([])
    })

    test('an index travels whole, is verified, tagged, listed and deleted', async () => {
      const [one, two] = [await at1([30_000, 10]), await at1([40_000])]
      const index = await pushIndex(from.url, from.prefix + name, [one, two], 'v1')
      const source = at(from)
      const root = await source.resolve('v1')
      expect(root).toEqual(index)
      const destination = at(to)
      expect(await copyGraph({ source, destination, root: index })).toMatchObject({
        manifests: 3,
        blobs: { sent: 5 },
      })
      expect(await verifyGraph({ registry: destination, root: index })).toMatchObject({
        manifests: 3,
        blobs: 5,
      })
      const manifest = await source.getManifest(index.digest)
      if (manifest === null) throw new Error('the index is gone')
      for (const tag of ['v1', 'v2', 'v10']) await destination.putManifest(manifest, tag)
      expect((await destination.resolve('v10'))?.digest).toBe(index.digest)
      const tags: string[] = []
      for await (const page of destination.listTags()) tags.push(...page)
      expect(tags.sort()).toEqual(['v1', 'v10', 'v2'])
      expect(await copyGraph({ source, destination, root: index })).toMatchObject({
        blobs: { sent: 0, present: 5 },
      })
      expect(await destination.deleteManifest(index.digest)).toBe(true)
      expect(await destination.getManifest(index.digest)).toBeNull()
    })

    test('two repositories of one registry: mounted', async () => {
      const root = await at1([20_000])
      const registry = open(from.url)
      const source = registry.repository(from.prefix + name)
      const destination = registry.repository(`${from.prefix}other/${name}`, 'pull,push')
      // zot has a blob of any repository in all of them.
      const unsent = kind === 'zot' ? { present: 2, mounted: 0 } : { present: 0, mounted: 2 }
      expect((await copyGraph({ source, destination, root })).blobs).toMatchObject({ ...unsent, sent: 0 })
      await verifyGraph({ registry: destination, root })
    })

    test('referrers come along, listed by the API or the fallback tag', async () => {
      const root = await at1([10])
      const source = at(from)
      const fields = { subject: plain(root), artifactType: 'application/spdx+json' }
      const sbom = await pushImage(from.url, from.prefix + name, [20], { fields })
      const listed = (await source.referrers(root.digest)).map(({ digest }) => digest)
      if (listed.length === 0) {
        // A registry without the API: the one who pushes keeps the fallback tag.
        const manifest = await source.getManifest(sbom.digest)
        if (manifest !== null) await source.putManifest(manifest, sbom.digest)
      }
      const destination = at(to)
      const result = await copyGraph({ source, destination, root, referrers: () => true })
      expect(result.referrers.map(({ digest }) => digest)).toEqual([sbom.digest])
      expect(await destination.referrers(root.digest)).toMatchObject([{ digest: sbom.digest }])
      await verifyGraph({ registry: destination, root: sbom })
    })

    const size = 4_000_000
    test.each(Array.from({ length: 10 }, (_, tenth) => tenth * (size / 10) + 1))(
      'reset at byte %i, both ways',
      async (byte) => {
        const root = await at1([size])
        sickSource.add({
          method: 'GET',
          path: /\/blobs\//,
          fault: { kind: 'cut-answer', at: byte },
          times: 1,
        })
        sick.add({
          method: 'PUT',
          path: /\/blobs\/uploads\//,
          fault: { kind: 'cut-request', at: byte },
          times: 1,
        })
        const [source, destination] = [at(from, sickSource.url), at(to, sick.url)]
        // One at a time: the faults strike the layer, which is the larger.
        await copyGraph({ source, destination, root, concurrency: 1 })
        await verifyGraph({ registry: at(to), root })
      },
    )

    const faults: readonly [string, string, () => void][] = [
      [
        '500s',
        'server_error',
        () => sick.add({ method: 'POST', path: /uploads/, fault: { kind: 'status', status: 500 } }),
      ],
      [
        'a 429 storm',
        'rate_limited',
        () =>
          sick.add({ path: /./, fault: { kind: 'status', status: 429, headers: { 'retry-after': '0' } } }),
      ],
      [
        'slow-loris',
        'timeout',
        () => sickSource.add({ method: 'GET', path: /\/blobs\//, fault: { kind: 'stall', at: 1000 } }),
      ],
      [
        'wrong length',
        'wrong_length',
        () => sickSource.add({ method: 'GET', path: /\/blobs\//, fault: { kind: 'shorten', by: 10 } }),
      ],
      [
        'wrong bytes',
        'wrong_digest',
        () => sickSource.add({ method: 'GET', path: /\/blobs\//, fault: { kind: 'corrupt', at: 5 } }),
      ],
      [
        'a full disk',
        'storage_full',
        () => sick.add({ method: 'PUT', path: /uploads/, fault: { kind: 'status', status: 507 } }),
      ],
      [
        'resets without end',
        'connection',
        () => sick.add({ method: 'PUT', path: /uploads/, fault: { kind: 'cut-request', at: 1 } }),
      ],
    ]
    test.each(faults)('%s: %s, and nothing under the root', async (_, code, infect) => {
      const root = await at1([100_000])
      const [source, destination] = [at(from, sickSource.url), at(to, sick.url)]
      infect()
      await expect(copyGraph({ source, destination, root })).rejects.toEqual(coded(code))
      expect(await at(to).getManifest(root.digest)).toBeNull()
      sick.heal()
      sickSource.heal()
      await copyGraph({ source, destination, root })
      await verifyGraph({ registry: destination, root })
    })

    test('a blob lost after its manifest was accepted is found by verify', async () => {
      const root = await at1([5000])
      const destination = at(to, sick.url)
      await copyGraph({ source: at(from), destination, root })
      const lost = root.layers[0]?.digest ?? ''
      sick.add({ path: new RegExp(lost), fault: { kind: 'status', status: 404 } })
      await expect(verifyGraph({ registry: destination, root })).rejects.toEqual(coded('not_found'))
    })

    const at1 = (sizes: readonly number[]) => pushImage(from.url, from.prefix + name, sizes)
  })
}
