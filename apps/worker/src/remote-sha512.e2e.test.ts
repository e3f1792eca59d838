import { startFeed } from '@sluice/feed/test-registry'
import { expect, test } from 'vitest'
import { targetOf } from './testdata/late.ts'
import { openScene } from './testdata/scene.ts'
import { promoteWide, pushWide, TAG } from './testdata/wide.ts'

test.each([
  ['hosted', false],
  ['a registry that knows sha512', true],
] as const)(
  'a root with a sha512 digest lands under that digest: to %s (invariant 10)',
  async (_, elsewhere) => {
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
