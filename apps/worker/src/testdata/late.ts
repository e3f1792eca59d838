import { generateKeyPairSync, sign } from 'node:crypto'
import type { Served } from '@sluice/feed/test-registry'
import { digestOf, OCI_EMPTY, OCI_MANIFEST, openRegistry, parseManifest } from '@sluice/oci'
import { parsePolicy, policyHash } from '@sluice/promotion'
import { preAuthEncoding } from '@sluice/proof'
import { appendEntry, type LateView, transaction } from '@sluice/store'
import { pushBlob, pushImage, pushIndex, until } from '@sluice/testkit'
import { REPOSITORY, type Scene } from './scene.ts'

const ENVELOPE = 'application/vnd.dsse.envelope.v1+json'
const ci = generateKeyPairSync('ed25519')
export const stranger = generateKeyPairSync('ed25519')
const policy = parsePolicy({
  gates: { tests: [{ from: ['key:ci'] }] },
  keys: { ci: ci.publicKey.export({ type: 'spki', format: 'pem' }).toString() },
})
let made = 0

/** A test result about a digest; each is another. */
export function testResult(digest: string, key = ci): Buffer {
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

export const repositoryOf = ({ url, prefix }: Omit<Served, 'stop'>) =>
  openRegistry({ baseUrl: url, plainHttp: 'loopback' }).repository(`${prefix}${REPOSITORY}`, 'pull,push')

/** Hangs one layer on a manifest there, by its subject, or by a tag alone; answers its digest. */
export async function hang(
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

/** A lane that asks for test results, and an index with one that is promoted along it. */
export async function promoted(scene: Scene, from: Omit<Served, 'stop'>) {
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
export async function settled(scene: Scene, requestId: string, count: number): Promise<readonly LateView[]> {
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
export async function targetOf(scene: Scene, to: Omit<Served, 'stop'> | undefined) {
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

export const entriesOf = async (scene: Scene, type: string, digest: string): Promise<number> => {
  const { rows } = await scene.owner.query<{ n: number }>(
    `select count(*)::int as n from audit_entry where type = $1 and subjects @> array[$2]`,
    [type, `digest:${digest}`],
  )
  return rows[0]?.n ?? -1
}
