import { type Served, startFeed } from '@sluice/feed/test-registry'
import { type FlakyProxy, pushImage, startFlakyProxy, until } from '@sluice/testkit'
import { expect, test as base } from 'vitest'
import { closeGate } from './testdata/gate.ts'
import { targetOf } from './testdata/late.ts'
import { openScene, REPOSITORY, type Scene } from './testdata/scene.ts'
import { approveWide, endOf, promoteWide, pushWide, TAG } from './testdata/wide.ts'

interface Between {
  readonly scene: Scene
  readonly from: Served
  readonly to: Served
  /** Before `to`, the registry of the feed `trusted`. */
  readonly proxy: FlakyProxy
}

const test = base.extend<{ between: Between }>({
  // oxlint-disable-next-line no-empty-pattern -- vitest reads from it which other fixtures are needed
  between: async ({}, use) => {
    const [from, to] = [await startFeed(), await startFeed()]
    const proxy = await startFlakyProxy(to.url)
    const scene = await openScene({ from, to: { url: proxy.url, prefix: to.prefix } })
    await use({ scene, from, to, proxy })
    await scene.close()
    await proxy.close()
    await Promise.all([from.stop(), to.stop()])
  },
})

/** The PUT of a tag with the digest beside it. */
const TAG_PUT = /manifests\/sha512:[0-9a-f]+\?tag=/
const tagsSent = ({ log }: FlakyProxy) => log.filter((line) => line.startsWith('PUT') && TAG_PUT.test(line))

test.for([
  ['hosted', false],
  ['a registry that knows sha512', true],
] as const)(
  'a root with a sha512 digest lands under that digest: to %s (invariant 10)',
  async ([, elsewhere]) => {
    const from = await startFeed()
    const to = elsewhere ? await startFeed() : undefined
    const scene = await openScene({ from, ...(to && { to }) })
    await scene.spawn()
    const digest = await pushWide(from)
    expect(await promoteWide(scene, digest)).toMatchObject({ state: 'SUCCEEDED', error: null })
    const target = await targetOf(scene, to)
    expect([await target.resolve(TAG), await target.resolve(digest)]).toEqual([digest, digest])
    await scene.close()
    await Promise.all([from.stop(), to?.stop()])
  },
)

test('a registry that sets the tag and does not say so: it is seen to be set (invariant 10)', async ({
  between,
}) => {
  const { scene, from, to, proxy } = between
  proxy.add({ method: 'PUT', path: TAG_PUT, fault: { kind: 'drop-header', name: 'oci-tag' } })
  await scene.spawn()
  const digest = await pushWide(from)
  expect(await promoteWide(scene, digest)).toMatchObject({ state: 'SUCCEEDED', error: null })
  expect(await (await targetOf(scene, to)).resolve(TAG)).toBe(digest)
})

const ADVICE =
  'Build the image with a sha256 digest and request that one, or promote to a registry that takes a tag beside a digest (PUT …/manifests/DIGEST?tag=TAG).'

test('a registry that ignores the tag: nothing of the set was tagged, and it says what to do (invariants 10 and 12)', async ({
  between,
}) => {
  const { scene, from, to, proxy } = between
  proxy.add({ method: 'PUT', path: TAG_PUT, fault: { kind: 'drop-query' } })
  await scene.spawn()
  const digest = await pushWide(from)
  const { digest: narrow } = await pushImage(from.url, `${from.prefix}team/lib`, [10], { tag: TAG })
  const id = await approveWide(scene, digest, ['team/lib', REPOSITORY])
  expect(await endOf(scene, id)).toMatchObject({
    state: 'ERRORED',
    attempt: 1,
    error: {
      code: 'unsupported',
      message: `During the step "commit": the registry of the feed trusted lets no tag name an image whose digest is sha512: the registry ${new URL(proxy.url).host} was asked to let ${to.prefix}${REPOSITORY}:${TAG} name ${digest}, and serves nothing there. No tag of this promotion was set. ${ADVICE}`,
    },
  })
  const served = async (repository: string): Promise<string | null> => {
    const answer = await fetch(`${to.url}/v2/${to.prefix}${repository}/manifests/${TAG}`, { method: 'HEAD' })
    return answer.headers.get('docker-content-digest')
  }
  expect([await served(REPOSITORY), await served('team/lib')]).toEqual([null, null])
  expect(tagsSent(proxy)).toHaveLength(1)
  // Once the registry has learnt it.
  proxy.heal()
  await scene.api.requests.retry(scene.requester, id)
  await until(async () => (await endOf(scene, id)).state === 'SUCCEEDED', {
    what: 'the retry',
    timeoutMs: 60_000,
  })
  expect([await served(REPOSITORY), await served('team/lib')]).toEqual([digest, narrow])
})

test('one that ignores the tag of a part of a set: it says which are set, and they stay', async ({
  between,
}) => {
  const { scene, from, to, proxy } = between
  proxy.add({ method: 'PUT', path: /lib\/manifests\/sha512:.*\?tag=/, fault: { kind: 'drop-query' } })
  await scene.spawn()
  const digest = await pushWide(from)
  await pushWide(from, 'team/lib')
  const ended = await endOf(scene, await approveWide(scene, digest, [REPOSITORY, 'team/lib']))
  expect(ended).toMatchObject({
    state: 'ERRORED',
    error: {
      code: 'unsupported',
      message: expect.stringContaining(` Set before that, and left so: ${REPOSITORY}:${TAG}. ${ADVICE}`),
    },
  })
  expect(await (await targetOf(scene, to)).resolve(TAG)).toBe(digest)
})

test('a registry that calls a tag by sha256: killed with the tag set, the next worker sees that it is (invariants 3 and 10)', async ({
  between,
}) => {
  const { scene, from, to, proxy } = between
  proxy.add({
    path: new RegExp(`manifests/${TAG}$`),
    fault: { kind: 'drop-header', name: 'docker-content-digest' },
  })
  const gate = await closeGate(scene.owner, 'admission', 'new.id is not null')
  const worker = await scene.spawn()
  const digest = await pushWide(from)
  const id = await approveWide(scene, digest)
  await gate.reached()
  await worker.kill()
  await gate.crash()
  await scene.endLeases()
  await scene.spawn()
  expect(await endOf(scene, id)).toMatchObject({ state: 'SUCCEEDED', error: null })
  expect(tagsSent(proxy)).toHaveLength(1)
  expect(await (await targetOf(scene, to)).resolve(TAG)).toBe(digest)
})
