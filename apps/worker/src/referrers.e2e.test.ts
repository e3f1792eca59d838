import { startFeed } from '@sluice/feed/test-registry'
import { OCI_INDEX, OCI_MANIFEST } from '@sluice/oci'
import { until } from '@sluice/testkit'
import { expect, test } from 'vitest'
import { closeGate } from './testdata/gate.ts'
import { entriesOf, hang, promoted, repositoryOf, settled, testResult } from './testdata/late.ts'
import { openScene } from './testdata/scene.ts'

test('a worker that dies when it has pushed what follows: another finishes, with one entry (invariants 3 and 4)', async () => {
  const [from, to] = [await startFeed(), await startFeed()]
  const scene = await openScene({ from, to })
  const worker = await scene.spawn()
  const { requestId, index } = await promoted(scene, from)
  const gate = await closeGate(scene.owner, 'late_referrer', `new.state = 'admitted'`)
  const late = await hang(from, index, testResult(index.digest))
  await scene.api.referrers.ask(requestId)
  await gate.reached()
  await worker.kill()
  await gate.crash()
  expect((await scene.api.referrers.list(requestId, { limit: 1 })).items).toMatchObject([
    { state: 'waiting' },
  ])
  await scene.spawn()
  expect(await settled(scene, requestId, 1)).toMatchObject([{ digest: late, state: 'admitted' }])
  expect(await entriesOf(scene, 'referrer.admitted', late)).toBe(1)
  expect((await repositoryOf(to).resolve(late))?.mediaType).toBe(OCI_MANIFEST)
  expect((await repositoryOf(to).resolve('1.0.0'))?.mediaType).toBe(OCI_INDEX)
  await scene.close()
  await Promise.all([from.stop(), to.stop()])
})

test('a tag of signatures that somebody else set in the target stays as it is', async () => {
  const [from, to] = [await startFeed(), await startFeed()]
  const scene = await openScene({ from, to })
  await scene.spawn()
  const { requestId, index } = await promoted(scene, from)
  const tag = `${index.digest.replace(':', '-')}.att`
  const theirs = await hang(to, index, testResult(index.digest), tag)
  await hang(from, index, testResult(index.digest), tag)
  await scene.api.referrers.ask(requestId)
  const told = await until(
    async () =>
      (await scene.api.referrers.list(requestId, { limit: 1 })).items.find(({ reason }) => reason !== null),
    { what: 'the reason', timeoutMs: 30_000 },
  )
  expect(told).toMatchObject({ state: 'waiting', reason: expect.stringContaining(theirs) })
  expect((await repositoryOf(to).resolve(tag))?.digest).toBe(theirs)
  await scene.close()
  await Promise.all([from.stop(), to.stop()])
})
