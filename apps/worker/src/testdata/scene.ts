import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import { digestOf, OCI_CONFIG, OCI_INDEX, OCI_LAYER, OCI_MANIFEST, parseManifest } from '@sluice/oci'
import { newStorageKey, openStorage } from '@sluice/feed/storage'
import { defaultPolicy, policyHash } from '@sluice/promotion'
import { type Actor, appendEntry, loadSecret, newId, openStore, type Store, transaction } from '@sluice/store'
import { cloneDatabase, pushImage, pushIndex, until } from '@sluice/testkit'
import { Redis } from 'ioredis'
import { Client } from 'pg'
import { makeDataDir, spawnWorker, type WorkerProcess } from './worker-process.ts'

/** A registry that serves a feed of the scene; repositories have this before their names there. */
export interface Elsewhere {
  readonly url: string
  readonly prefix: string
  /** Shown to it; it asks nobody when not given. */
  readonly credentials?: { readonly username: string; readonly password: string }
}

/** Feeds that are not hosted. */
export interface Ends {
  readonly from?: Elsewhere
  readonly to?: Elsewhere
}

export interface Approved {
  readonly requestId: string
  readonly promotionId: string
  readonly digest: string
  readonly tag: string
}

/** Digests of what was pushed; `layer` has the bytes that were asked for. */
export interface Pushed {
  readonly digest: string
  readonly layer: string
}

/**
 * Pushes an image of its own to the first feed of a lane, with a layer of so many bytes, and has its promotion approved.
 * @param beforeApproval the last that happens before a worker can begin
 */
export type Approve = (
  tag: string,
  layerSize?: number,
  beforeApproval?: (pushed: Pushed) => unknown,
) => Promise<Approved>

/** A database of one's own with two feeds, a lane, a requester and an approver; a queue; and any number of workers. */
export interface Scene {
  readonly owner: Client
  readonly api: Store
  readonly requester: Actor
  readonly approver: Actor
  /** From `dev` to `trusted`. */
  readonly approve: Approve
  /** Another pair of feeds, with a lane from one to the other. */
  lane(ends: Ends): Promise<Approve>
  /** @param main the program, when it is not the worker as it runs in production */
  spawn(main?: string): Promise<WorkerProcess>
  state(promotionId: string): Promise<string>
  ended(promotionId: string, state?: string): Promise<void>
  /** From now on a promotion that is tried again does not wait for its turn. */
  hurry(): Promise<void>
  /** Everything that the queue holds, and what it is made of. */
  loseQueue(): Promise<void>
  /** Lets the lease of a worker that is gone run out now. */
  endLeases(): Promise<void>
  close(): Promise<void>
}

const redisUrl = process.env['SLUICE_TEST_REDIS_URL']
let scenes = 0

export const REPOSITORY = 'team/app'
const SHARED_LAYER = 'a layer that every image here has'
/** Unlike that of any other blob. */
export const SHARED_LAYER_SIZE = SHARED_LAYER.length

/** @param ends the feeds `dev` and `trusted`, where they are not hosted */
export async function openScene(ends: Ends = {}): Promise<Scene> {
  const database = await cloneDatabase()
  const owner = new Client({ connectionString: database.ownerUrl })
  await owner.connect()
  const dataDir = await makeDataDir(database.workerUrl)
  const api = await openStore({ url: database.apiUrl, poolSize: 3, secret: loadSecret({ dataDir }) })
  const people = { requester: await person(owner, 'rita'), approver: await person(owner, 'anna') }
  const { requester, approver } = people
  let lanes = 0
  const queueUrl = ownDatabase()
  const workers: WorkerProcess[] = []

  const state = async (promotionId: string): Promise<string> => {
    const { rows } = await owner.query<{ state: string }>('select state from promotion where id = $1', [promotionId])
    return rows[0]?.state ?? 'none'
  }
  const lane = async (ends: Ends): Promise<Approve> => {
    const mark = lanes === 0 ? '' : `-${lanes}`
    lanes += 1
    const names = { from: `dev${mark}`, to: `trusted${mark}`, lane: `dev-to-trusted${mark}` }
    await furnish(api, owner, people, ends, names)
    return async (tag, layerSize = 100, beforeApproval) => {
      const { from } = ends
      const pushed =
        from === undefined
          ? await push(api, requester, names.from, tag, layerSize, dataDir)
          : await pushTo(from, tag, layerSize)
      const { digest } = pushed
      const image = `${REPOSITORY}:${tag}`
      const { request } = await api.requests.create(requester, { lane: names.lane, items: [{ image }] })
      await beforeApproval?.(pushed)
      await api.requests.approve(approver, request.id, { digest })
      const { rows } = await owner.query<{ id: string }>('select id from promotion where request_id = $1', [request.id])
      return { requestId: request.id, promotionId: rows[0]?.id ?? '', digest, tag }
    }
  }
  return {
    owner,
    api,
    requester,
    approver,
    state,
    approve: await lane(ends),
    lane,
    async hurry() {
      await owner.query(`
        create function test_hurry() returns trigger language plpgsql as $$
        begin new.not_before := least(new.not_before, now()); return new; end $$;
        create trigger test_hurry before update on promotion for each row when (new.state = 'QUEUED')
          execute function test_hurry()`)
    },
    async spawn(main) {
      const worker = await spawnWorker(database.workerUrl, queueUrl, dataDir, main)
      workers.push(worker)
      return worker
    },
    async ended(promotionId, wanted = 'SUCCEEDED') {
      await until(async () => (await state(promotionId)) === wanted, { what: `${wanted}`, timeoutMs: 60_000 })
    },
    async loseQueue() {
      if (queueUrl !== undefined) {
        const redis = new Redis(queueUrl)
        await redis.flushdb()
        await redis.quit()
        return
      }
      await owner.query(`do $$ declare name text; begin
        for name in select tablename from pg_tables where schemaname = 'bullmq' loop
          execute format('drop table bullmq.%I cascade', name);
        end loop; end $$`)
    },
    async endLeases() {
      await owner.query(`update promotion set lease_until = now() - interval '1 second' where state = 'RUNNING'`)
    },
    async close() {
      await Promise.all(workers.map((worker) => worker.kill()))
      await api.close()
      await owner.end()
      await database.drop()
      fs.rmSync(dataDir, { recursive: true, force: true })
    },
  }
}

/** Scenes share the server, not the queue. */
function ownDatabase(): string | undefined {
  if (redisUrl === undefined) return undefined
  scenes += 1
  const url = new URL(redisUrl)
  // Sixteen is what a server has by default; 0 is the other tests'.
  url.pathname = `/${1 + (scenes % 15)}`
  return url.href
}

async function furnish(
  api: Store,
  owner: Client,
  { requester, approver }: { requester: Actor; approver: Actor },
  { from, to }: Ends,
  names: { from: string; to: string; lane: string },
): Promise<void> {
  const [dev, trusted, lane] = [newId(), newId(), newId()]
  await owner.query(
    `insert into feed (id, stage, trusted, kind) values ($1, 'dev', false, $3), ($2, 'trusted', true, $4)`,
    [dev, trusted, from === undefined ? 'hosted' : 'remote', to === undefined ? 'hosted' : 'remote'],
  )
  for (const [id, end] of [
    [dev, from],
    [trusted, to],
  ] as const) {
    if (end === undefined) continue
    const { url, prefix, credentials } = end
    const sealed = credentials && api.remotes.seal.close(credentials.password, `feed:${id} credential`)
    await owner.query(
      `insert into feed_remote (feed_id, base_url, prefix, plain_http, credential_type, username, sealed_credential)
       values ($1, $2, $3, '{loopback}', $4, $5, $6)`,
      [id, url, prefix.replace(/\/$/, ''), credentials && 'basic', credentials?.username, sealed],
    )
  }
  await owner.query(
    'insert into feed_name (name, feed_id, is_current) values ($3, $1, true), ($4, $2, true)',
    [dev, trusted, names.from, names.to],
  )
  await owner.query(
    `insert into access_grant (feed_id, principal_id, verbs)
     values ($1, $3, '{pull,push}'), ($2, $3, '{request}'), ($2, $4, '{pull,approve}')`,
    [dev, trusted, requester.principalId, approver.principalId],
  )
  await owner.query('insert into lane (id, name, from_feed_id, to_feed_id) values ($1, $2, $3, $4)', [
    lane,
    names.lane,
    dev,
    trusted,
  ])
  const policy = defaultPolicy()
  const entry = await transaction(api.prisma, (tx) =>
    appendEntry(tx, {
      type: 'lane.created',
      actor: `person:${approver.principalId}`,
      subjects: [`lane:${lane}`],
      payload: {},
    }),
  )
  await owner.query(
    `insert into lane_version (lane_id, version, policy, policy_hash, quorum, created_by, entry_id)
     values ($1, 1, $2, $3, 1, $4, $5)`,
    [lane, JSON.stringify(policy), policyHash(policy), approver.principalId, entry],
  )
}

async function person(owner: Client, name: string): Promise<Actor> {
  const id = newId()
  await owner.query(`insert into principal values ($1, 'person')`, [id])
  await owner.query('insert into person (id, display_name) values ($1, $2)', [id, name])
  await owner.query(`insert into identity (id, person_id, issuer, subject) values ($1, $2, 'local', $3)`, [
    newId(),
    id,
    name,
  ])
  return {
    principalId: id,
    kind: 'person',
    name,
    personId: id,
    answerable: [id],
    roles: [],
    mustChangePassword: false,
    tokenId: null,
    scopes: ['*'],
  }
}

/** An image of its own kind in a registry elsewhere. */
async function pushTo({ url, prefix }: Elsewhere, tag: string, layerSize: number): Promise<Pushed> {
  const name = `${prefix}${REPOSITORY}`
  const images = [await pushImage(url, name, [SHARED_LAYER_SIZE, layerSize]), await pushImage(url, name, [10])]
  const { digest } = await pushIndex(url, name, images, tag)
  return { digest, layer: images[0]?.layers[1]?.digest ?? '' }
}

/** An index of two images that share a layer. */
async function push(
  api: Store,
  by: Actor,
  to: string,
  tag: string,
  layerSize: number,
  dataDir: string,
): Promise<Pushed> {
  const storage = await openStorage({ dataDir })
  const feed = await api.feedIndex.findFeed(to)
  if (feed === null) throw new Error(`the feed ${to} is missing`)
  const address = { feed, repository: REPOSITORY }
  const put = async (document: object, mediaType: string, tags: string[]) => {
    const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, ...document }))
    const digest = digestOf(bytes)
    const manifest = parseManifest(bytes, mediaType)
    await api.feedIndex.putManifest({ address, manifest, digest, tags, principalId: by.principalId })
    return { mediaType, digest, size: bytes.length }
  }
  const blob = async (content: string | Buffer, mediaType: string) => {
    const bytes = Buffer.from(content)
    const digest = digestOf(bytes)
    const size = bytes.length
    const storageKey = newStorageKey()
    await storage.append(storageKey, 0, chunks(bytes))
    await storage.seal(storageKey, size)
    const upload = await api.feedIndex.openUpload(address, storageKey, by.principalId)
    const claim = await api.feedIndex.claimUpload(upload.id, 0, 60_000)
    if (claim === null) throw new Error('a fresh upload could not be claimed')
    await api.feedIndex.finishUpload(claim, { digest, size, storageKey })
    return { mediaType, digest, size }
  }
  const shared = await blob(SHARED_LAYER, OCI_LAYER)
  const images = []
  let bulk = shared.digest
  for (const architecture of ['amd64', 'arm64']) {
    const config = await blob(JSON.stringify({ architecture, os: 'linux', tag }), OCI_CONFIG)
    const layer = await blob(randomBytes(layerSize), OCI_LAYER)
    bulk = layer.digest
    const image = await put({ config, layers: [shared, layer] }, OCI_MANIFEST, [])
    images.push({ ...image, platform: { architecture, os: 'linux' } })
  }
  const { digest } = await put({ manifests: images }, OCI_INDEX, [tag])
  return { digest, layer: bulk }
}

async function* chunks(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes
}
