// oxlint-disable typescript/no-unsafe-type-assertion -- the parts of them that are looked at
import { startFeed } from '@sluice/feed/test-registry'
import type { SeenTag } from '@sluice/store'
import { pushImage, startFlakyProxy } from '@sluice/testkit'
import pino from 'pino'
import { expect, test } from 'vitest'
import { reconcile } from './reconcile.ts'
import { repositoryOf } from './testdata/late.ts'
import { REPOSITORY } from './testdata/scene.ts'
import { pushWide, TAG } from './testdata/wide.ts'

test('a tag that names a sha512 digest is not taken for another where the registry calls it by sha256', async () => {
  const to = await startFeed()
  const proxy = await startFlakyProxy(to.url)
  proxy.add({ path: /manifests/, fault: { kind: 'drop-header', name: 'docker-content-digest' } })
  const digest = await pushWide(to)
  const other = await pushImage(to.url, `${to.prefix}${REPOSITORY}`, [10], { tag: 'moved' })
  const tags = [TAG, 'moved', 'gone'].map((tag) => ({ repository: REPOSITORY, tag, digest }))
  const seen: SeenTag[] = []
  const remotes = {
    exclusively: (act: () => Promise<void>) => act(),
    trusted: async () => [{ feedId: 'f' }],
    ledger: async () => ({ at: new Date(), tags }),
    compare: async (_: string, found: { seen: readonly SeenTag[] }) => {
      seen.push(...found.seen)
      return { raised: 0, resolved: 0 }
    },
  }
  const registries = {
    open: async () => ({ repository: repositoryOf({ url: proxy.url, prefix: to.prefix }) }),
    close: () => undefined,
  }
  await reconcile({
    remotes: remotes as unknown as Parameters<typeof reconcile>[0]['remotes'],
    registries,
    signal: new AbortController().signal,
    log: pino({ level: 'silent' }),
  })
  const found = new Map(seen.map((one) => [one.tag, [one.digest, one.called]]))
  const called = await repositoryOf(to).hashServed(TAG, 'sha256')
  expect(Object.fromEntries(found)).toEqual({
    [TAG]: [digest, called],
    moved: [other.digest, null],
    gone: [null, null],
  })
  await proxy.close()
  await to.stop()
})
