import { startFeed } from '@sluice/feed/test-registry'
import { startRegistry } from '@sluice/testkit'
import { expect, test } from 'vitest'
import { entriesOf, hang, promoted, settled, stranger, targetOf, testResult } from './testdata/late.ts'
import { openScene } from './testdata/scene.ts'

// What comes later, beside a real docker-registry.

test.each([
  ['docker-registry to hosted', 'docker-registry', false],
  ['our own registry to docker-registry', 'feed', true],
  ['docker-registry to our own registry', 'docker-registry', true],
] as const)(
  '%s: what comes later follows the index and its child, by subject and by tag',
  async (_, kind, toElsewhere) => {
    const registry = await startRegistry('docker-registry')
    const feed = await startFeed()
    const docker = { url: registry.url, prefix: '' }
    const from = kind === 'feed' ? feed : docker
    const to = toElsewhere ? (kind === 'feed' ? docker : feed) : undefined
    const scene = await openScene({ from, ...(to && { to }) })
    await scene.spawn()
    const { requestId, index, child } = await promoted(scene, from)
    const tag = `${index.digest.replace(':', '-')}.att`
    const ofIndex = await hang(from, index, testResult(index.digest))
    const ofChild = await hang(from, child, testResult(child.digest))
    const under = await hang(from, index, testResult(index.digest), tag)
    const foreign = await hang(from, index, testResult(index.digest, stranger))
    const found = await settled(scene, requestId, 4)
    expect(found.map(({ digest, state, tag: named }) => `${digest} ${state} ${named}`).sort()).toEqual(
      [
        `${ofIndex} admitted null`,
        `${ofChild} admitted null`,
        `${under} admitted ${tag}`,
        `${foreign} refused null`,
      ].sort(),
    )
    expect(found.find(({ digest }) => digest === foreign)?.reason).toContain('nobody that the lane knows')
    const target = await targetOf(scene, to)
    expect(await target.referrers(child.digest)).toEqual([ofChild])
    const ofRoot = await target.referrers(index.digest)
    expect(ofRoot).toContain(ofIndex)
    expect(ofRoot).not.toContain(foreign)
    expect(await target.resolve(tag)).toBe(under)
    expect(await target.resolve(foreign)).toBeNull()
    expect(await entriesOf(scene, 'referrer.intended', ofIndex)).toBe(to === undefined ? 0 : 1)
    for (const digest of [ofIndex, ofChild, under])
      expect(await entriesOf(scene, 'referrer.admitted', digest)).toBe(1)
    expect(await entriesOf(scene, 'referrer.admitted', foreign)).toBe(0)
    // No alert: tags that carry signatures are not compared, and what was let in is in the ledger.
    expect((await scene.owner.query('select from remote_alert')).rowCount).toBe(0)
    await scene.close()
    await Promise.all([registry.stop(), feed.stop()])
  },
)
