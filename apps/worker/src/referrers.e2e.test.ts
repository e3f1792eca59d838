import { type Served, startFeed } from '@sluice/feed/test-registry'
import { OCI_INDEX, OCI_MANIFEST } from '@sluice/oci'
import { until } from '@sluice/testkit'
import { expect, test } from 'vitest'
import { closeGate } from './testdata/gate.ts'
import { entriesOf, hang, promoted, repositoryOf, settled, testResult } from './testdata/late.ts'
import { openScene, REPOSITORY, type Scene } from './testdata/scene.ts'

/** Deletes a manifest there, and with it the tags that name it; or a tag alone. */
async function remove(at: Omit<Served, 'stop'>, reference: string): Promise<void> {
  const { status } = await fetch(`${at.url}/v2/${at.prefix}${REPOSITORY}/manifests/${reference}`, {
    method: 'DELETE',
  })
  expect(status).toBe(202)
}

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

test.each([
  ['its source has another under the tag', { lostInSource: false, servedThere: true }],
  ['its source has lost it', { lostInSource: true, servedThere: true }],
  [
    'its source has another under the tag, and the target has not been sent it',
    { lostInSource: false, servedThere: false },
  ],
] as const)(
  'a tag of signatures that was being set is finished though %s, and the next follows (invariants 1 and 3)',
  async (_, { lostInSource, servedThere }) => {
    const [from, to] = [await startFeed(), await startFeed()]
    const scene = await openScene({ from, to })
    const worker = await scene.spawn()
    const { requestId, index } = await promoted(scene, from)
    const tag = `${index.digest.replace(':', '-')}.att`
    const gate = await closeGate(scene.owner, 'late_referrer', `new.state = 'admitted'`)
    const first = await hang(from, index, testResult(index.digest), tag)
    await scene.api.referrers.ask(requestId)
    await gate.reached()
    await worker.kill()
    await gate.crash()
    const there = repositoryOf(to)
    expect((await there.resolve(tag))?.digest).toBe(first)
    const second = await hang(from, index, testResult(index.digest), tag)
    if (lostInSource) await remove(from, first)
    if (!servedThere) await remove(to, first)
    await scene.spawn()
    // What was sent twice may arrive twice: its lease runs out.
    if (!servedThere) {
      await until(async () => ((await entriesOf(scene, 'referrer.admitted', first)) === 1 ? true : null), {
        what: 'the first',
        timeoutMs: 30_000,
      })
      await scene.owner.query(`update commit_intent set free_at = now() where tag = $1`, [tag])
    }
    const found = await settled(scene, requestId, 2)
    expect(found.map(({ digest, state }) => `${digest} ${state}`)).toEqual([
      `${second} admitted`,
      `${first} admitted`,
    ])
    for (const digest of [first, second]) expect(await entriesOf(scene, 'referrer.admitted', digest)).toBe(1)
    expect((await there.resolve(tag))?.digest).toBe(second)
    expect((await there.getManifest(first))?.mediaType).toBe(OCI_MANIFEST)
    const { rows } = await scene.owner.query(
      'select from_digest as "from", to_digest as "to" from tag_move where tag = $1 order by id',
      [tag],
    )
    expect(rows).toEqual([
      { from: null, to: first },
      { from: first, to: second },
    ])
    await scene.close()
    await Promise.all([from.stop(), to.stop()])
  },
)

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

/** A worker died when it was about to push what came to the image: by a tag of its name, or by its subject. */
async function interrupted(scene: Scene, ends: { from: Served; to: Served }, tagged: boolean) {
  const { from, to } = ends
  const worker = await scene.spawn()
  const { requestId, index } = await promoted(scene, from)
  const tag = tagged ? `${index.digest.replace(':', '-')}.att` : undefined
  const gate = await closeGate(scene.owner, 'late_referrer', `new.state = 'admitted'`)
  const late = await hang(from, index, testResult(index.digest), tag)
  await scene.api.referrers.ask(requestId)
  await gate.reached()
  await worker.kill()
  await gate.crash()
  return { requestId, index, late, tag, there: repositoryOf(to) }
}

test.each([
  ['a tag that the target has not been sent', { tagged: true, left: 'all but the tag' }],
  ['a tag, whose manifest the target has not got', { tagged: true, left: 'its blobs' }],
  ['a subject, whose manifest the target has not got', { tagged: false, left: 'its blobs' }],
] as const)(
  'what hangs on an image by %s is finished though the feed of its source was deleted (invariant 3)',
  async (_, { tagged, left }) => {
    const ends = { from: await startFeed(), to: await startFeed() }
    const scene = await openScene(ends)
    const { requestId, late, tag, there } = await interrupted(scene, ends, tagged)
    await remove(ends.to, left === 'its blobs' ? late : (tag ?? late))
    await scene.owner.query(
      `update feed set deleted_at = now() where id = (select feed_id from feed_name where name = 'dev')`,
    )
    await scene.spawn()
    expect(await settled(scene, requestId, 1)).toMatchObject([{ digest: late, state: 'admitted' }])
    expect((await there.resolve(tag ?? late))?.digest).toBe(late)
    expect(await entriesOf(scene, 'referrer.admitted', late)).toBe(1)
    await scene.close()
    await Promise.all([ends.from.stop(), ends.to.stop()])
  },
)

test.each([
  ['a tag that the target has not been sent', { tagged: true, left: 'all but the tag' }],
  ['a tag, whose manifest the target has not got', { tagged: true, left: 'its blobs' }],
  ['a subject, whose manifest the target has not got', { tagged: false, left: 'its blobs' }],
] as const)(
  'what was about to hang by %s on an image that is recalled meanwhile is not sent, and says so',
  async (_, { tagged, left }) => {
    const ends = { from: await startFeed(), to: await startFeed() }
    const scene = await openScene(ends)
    const { requestId, index, late, tag, there } = await interrupted(scene, ends, tagged)
    await remove(ends.to, left === 'its blobs' ? late : (tag ?? late))
    await scene.owner.query(`update access_grant set verbs = verbs || '{recall}' where principal_id = $1`, [
      scene.approver.principalId,
    ])
    const { rows } = await scene.owner.query<{ id: string }>(
      `select feed_id as id from feed_name where name = 'trusted'`,
    )
    const recall = { digest: index.digest, feedId: rows[0]?.id ?? '', reason: 'CVE-1' }
    await scene.api.recalls.create(scene.approver, recall)
    await scene.spawn()
    await scene.api.referrers.ask(requestId)
    const told = await until(
      async () =>
        (await scene.api.referrers.list(requestId, { limit: 1 })).items.find(({ reason }) =>
          reason?.includes('recalled'),
        ),
      { what: 'the reason', timeoutMs: 30_000 },
    )
    expect(told).toMatchObject({ digest: late, state: 'waiting' })
    expect(await there.resolve(tag ?? late)).toBeNull()
    expect((await there.resolve(late)) === null).toBe(left === 'its blobs')
    await scene.close()
    await Promise.all([ends.from.stop(), ends.to.stop()])
  },
)
