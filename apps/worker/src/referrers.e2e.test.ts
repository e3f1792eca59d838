import { generateKeyPairSync, sign } from 'node:crypto'
import { type Served, startFeed } from '@sluice/feed/test-registry'
import { digestOf, OCI_EMPTY, OCI_INDEX, OCI_MANIFEST, openRegistry, parseManifest } from '@sluice/oci'
import { parsePolicy, policyHash } from '@sluice/promotion'
import { preAuthEncoding } from '@sluice/proof'
import { appendEntry, type LateView, transaction } from '@sluice/store'
import { pushBlob, pushImage, pushIndex, startRegistry, until } from '@sluice/testkit'
import { expect, test } from 'vitest'
import { closeGate } from './testdata/gate.ts'
import { openScene, REPOSITORY, type Scene } from './testdata/scene.ts'

const ENVELOPE = 'application/vnd.dsse.envelope.v1+json'
const ci = generateKeyPairSync('ed25519')
const stranger = generateKeyPairSync('ed25519')
const policy = parsePolicy({
  gates: { tests: [{ from: ['key:ci'] }] },
  keys: { ci: ci.publicKey.export({ type: 'spki', format: 'pem' }).toString() },
})
let made = 0

/** A test result about a digest; each is another. */
function testResult(digest: string, key = ci): Buffer {
  const payload = Buffer.from(
    JSON.stringify({
      _type: 'https://in-toto.io/Statement/v1',
      subject: [{ name: 'app', digest: { sha256: digest.slice('sha256:'.length) } }],
      predicateType: 'https://in-toto.io/attestation/test-result/v0.1',
      predicate: { result: 'PASSED', passedTests: [`test ${++made}`], failedTests: [] },
    }),
  )
  const payloadType = 'application/vnd.in-toto+json'
  const sig = sign(null, preAuthEncoding(payloadType, payload), key.privateKey).toString('base64')
  const envelope = { payloadType, payload: payload.toString('base64'), signatures: [{ keyid: '', sig }] }
  return Buffer.from(JSON.stringify(envelope))
}

const repositoryOf = ({ url, prefix }: Omit<Served, 'stop'>) =>
  openRegistry({ baseUrl: url, plainHttp: 'loopback' }).repository(`${prefix}${REPOSITORY}`, 'pull,push')

/** Hangs one layer on a manifest there, by its subject, or by a tag alone; answers its digest. */
async function hang(
  at: Omit<Served, 'stop'>,
  subject: { digest: string; mediaType: string; size: number },
  content: Buffer,
  tag?: string,
): Promise<string> {
  const name = `${at.prefix}${REPOSITORY}`
  const config = await pushBlob(at.url, name, Buffer.from('{}'), OCI_EMPTY)
  const layers = [await pushBlob(at.url, name, content, ENVELOPE)]
  const { digest, mediaType, size } = subject
  const document = {
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    artifactType: ENVELOPE,
    config,
    layers,
    ...(tag === undefined && { subject: { digest, mediaType, size } }),
  }
  const manifest = parseManifest(Buffer.from(JSON.stringify(document)), OCI_MANIFEST)
  // Where the registry keeps no referrers, the client keeps the tag that stands for them.
  await repositoryOf(at).putManifest(manifest, tag ?? digestOf(manifest.bytes))
  return digestOf(manifest.bytes)
}

/** Deletes a manifest there, and with it the tags that name it. */
async function remove(at: Omit<Served, 'stop'>, digest: string): Promise<void> {
  const { status } = await fetch(`${at.url}/v2/${at.prefix}${REPOSITORY}/manifests/${digest}`, {
    method: 'DELETE',
  })
  expect(status).toBe(202)
}

/** A lane that asks for test results, and an index with one that is promoted along it. */
async function promoted(scene: Scene, from: Omit<Served, 'stop'>) {
  const { rows } = await scene.owner.query<{ id: string }>('select id from lane')
  const laneId = rows[0]?.id ?? ''
  const entry = await transaction(scene.api.prisma, (tx) =>
    appendEntry(tx, {
      type: 'lane.changed',
      actor: `person:${scene.approver.principalId}`,
      subjects: [`lane:${laneId}`],
      payload: {},
    }),
  )
  await scene.owner.query(
    `insert into lane_version (lane_id, version, policy, policy_hash, quorum, created_by, entry_id) values ($1, 2, $2, $3, 1, $4, $5)`,
    [laneId, JSON.stringify(policy), policyHash(policy), scene.approver.principalId, entry],
  )
  const name = `${from.prefix}${REPOSITORY}`
  const child = await pushImage(from.url, name, [1000])
  const index = await pushIndex(from.url, name, [child], '1.0.0')
  await hang(from, index, testResult(index.digest))
  const nowhere = {
    // oxlint-disable-next-line require-yield -- our own storage holds nothing of a remote feed
    async *read(): AsyncGenerator<Uint8Array> {
      throw new Error('not asked')
    },
  }
  const asked = { lane: 'dev-to-trusted', items: [{ image: `${REPOSITORY}:1.0.0` }] }
  const { request } = await scene.api.requests.create(scene.requester, asked, nowhere)
  const { promotion } = await scene.api.requests.approve(scene.approver, request.id, { digest: index.digest })
  await scene.ended(promotion?.id ?? '')
  return { requestId: request.id, index, child }
}

/** What was found, once nothing more is to be decided of so many. */
async function settled(scene: Scene, requestId: string, count: number): Promise<readonly LateView[]> {
  await scene.api.referrers.ask(requestId)
  return until(
    async () => {
      const { items } = await scene.api.referrers.list(requestId, { limit: 50 })
      return items.filter(({ state }) => state !== 'waiting').length === count ? items : null
    },
    { what: `${count} artifacts that came later`, timeoutMs: 30_000 },
  )
}

/** What the target of the lane serves, wherever it is. */
async function targetOf(scene: Scene, to: Omit<Served, 'stop'> | undefined) {
  if (to !== undefined) {
    const there = repositoryOf(to)
    return {
      referrers: async (digest: string) => (await there.referrers(digest)).map((one) => one.digest),
      resolve: async (name: string) => (await there.resolve(name))?.digest ?? null,
    }
  }
  const feed = await scene.api.feedIndex.findFeed('trusted')
  if (feed === null) throw new Error('the feed trusted is missing')
  const address = { feed, repository: REPOSITORY }
  const all = { artifactType: null, afterDigest: null, limit: 10 }
  return {
    referrers: async (digest: string) =>
      (await scene.api.feedIndex.listReferrers(address, digest, all)).descriptors.map((one) => one.digest),
    resolve: async (name: string) => (await scene.api.feedIndex.findManifest(address, name))?.digest ?? null,
  }
}

const entriesOf = async (scene: Scene, type: string, digest: string): Promise<number> => {
  const { rows } = await scene.owner.query<{ n: number }>(
    `select count(*)::int as n from audit_entry where type = $1 and subjects @> array[$2]`,
    [type, `digest:${digest}`],
  )
  return rows[0]?.n ?? -1
}

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
