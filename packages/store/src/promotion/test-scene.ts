import { createHash, randomBytes } from 'node:crypto'
import type { Feed } from '@sluice/feed'
import { digestOf, OCI_CONFIG, OCI_INDEX, OCI_LAYER_GZIP, OCI_MANIFEST, parseManifest } from '@sluice/oci'
import { parsePolicy, policyHash, quorumOf, type TagRules } from '@sluice/promotion'
import { cloneDatabase } from '@sluice/testkit'
import { Pool } from 'pg'
import {
  type Actor,
  actorOf,
  appendEntry,
  newId,
  openStore,
  type Run,
  type Store,
  transaction,
} from '../index.ts'

/** A migrated database with the store as both roles see it, and the superuser beside them. */
export async function openHouse() {
  const database = await cloneDatabase()
  const api = await openStore({ url: database.apiUrl })
  const worker = await openStore({ url: database.workerUrl })
  const admin = new Pool({ connectionString: database.ownerUrl, max: 2 })
  // The database may be dropped under a connection that is still closing.
  admin.on('error', () => undefined)
  return {
    api,
    worker,
    admin,
    /** The superuser's, and that of the role `sluice_api`. */
    url: database.ownerUrl,
    apiUrl: database.apiUrl,
    async close(): Promise<void> {
      await Promise.all([api.close(), worker.close(), admin.end()])
      await database.drop()
    },
  }
}

export type House = Awaited<ReturnType<typeof openHouse>>

const NO_RULES: TagRules = {}
const RELEASES_STAY: TagRules = { immutable: ['release'] }

/** Feeds, a lane and persons of their own for one test: rita asks, anna and otto may approve. */
export async function setScene(
  house: House,
  {
    gates = {},
    keys = {},
    roots = {},
    identities = {},
    requestExpiresAfter = { hours: 1 },
    tagRules = RELEASES_STAY,
    devTagRules = NO_RULES,
  } = {},
) {
  const { api, worker, admin } = house
  const tail = randomBytes(4).toString('hex')
  const rita = await addPerson(admin, `rita-${tail}`)
  const anna = await addPerson(admin, `anna-${tail}`)
  const otto = await addPerson(admin, `otto-${tail}`)
  const robot = await addRobot(admin, `ci-${tail}`, rita)
  const dev = await addFeed(admin, `dev-${tail}`, false, devTagRules)
  const trusted = await addFeed(admin, `trusted-${tail}`, true, tagRules)
  for (const { principalId } of [rita, anna, otto]) {
    await admin.query(`insert into access_grant values ($1, $2, '{pull,request,approve}')`, [
      trusted.id,
      principalId,
    ])
  }
  const lane = `lane-${tail}`
  const laneId = await addLane(
    api,
    lane,
    dev.id,
    trusted.id,
    rita,
    parsePolicy({ gates, keys, roots, identities, requestExpiresAfter }),
  )

  const request = async (
    image: string,
    over: { actor?: Actor; targetTags?: string[]; idempotencyKey?: string } = {},
  ) => {
    const { actor = rita, targetTags, idempotencyKey } = over
    const item = { image, ...(targetTags && { targetTags }) }
    return api.requests.create(actor, { lane, items: [item], ...(idempotencyKey && { idempotencyKey }) })
  }
  const begin = async (
    promotionId: string,
    attempt = 1,
    name = 'worker-1',
    leaseMs = 60_000,
  ): Promise<Run> => {
    const begun = await worker.runs.begin({ promotionId, attempt, worker: name, leaseMs })
    if (begun.state !== 'running') throw new Error(`not running: ${JSON.stringify(begun)}`)
    return begun.run
  }
  /** Copy and verify, as the hosted steps do. */
  const stageAll = async (run: Run): Promise<void> => {
    for (const { position, closure } of run.items) {
      await worker.runs.stage(
        run,
        closure.map((member) => ({ ...member, position })),
      )
      await worker.runs.markVerified(
        run,
        position,
        closure.map(({ digest }) => digest),
      )
    }
  }
  return {
    rita,
    anna,
    otto,
    robot,
    dev,
    trusted,
    lane,
    laneId,
    request,
    /** Pushes an image of two blobs under these tags; answers its digest. */
    push: (repository: string, tags: readonly string[], options: Parameters<typeof pushImage>[5] = {}) =>
      pushImage(house, dev, repository, tags, rita, options),
    /** A request for `app:1.0.0` that anna approved: the promotion is QUEUED. */
    async approved(image = 'app:1.0.0', over: Parameters<typeof request>[1] = {}) {
      const { request: made } = await request(image, over)
      const view = await api.requests.approve(anna, made.id, { digest: made.digest ?? made.setDigest })
      if (view.promotion === null) throw new Error('the quorum is met by one')
      return { id: made.id, digest: made.digest ?? made.setDigest, promotionId: view.promotion.id }
    },
    begin,
    stageAll,
    async promote(promotionId: string): Promise<void> {
      const run = await begin(promotionId)
      await stageAll(run)
      await worker.runs.commit(run)
    },
    /** The digest that a tag of the trusted feed points at; null: nothing. */
    async landed(repository: string, tag: string): Promise<string | null> {
      return (await api.feedIndex.findManifest({ feed: trusted, repository }, tag))?.digest ?? null
    },
    /** Types of the entries about a subject, in the order they came. */
    async entries(subject: string): Promise<string[]> {
      const { rows } = await admin.query(
        `select type from audit_entry where subjects @> array[$1] order by arrival`,
        [subject],
      )
      return rows.map(({ type }) => type)
    },
    async sql<T = Record<string, unknown>>(text: string, values: unknown[] = []): Promise<T[]> {
      return (await admin.query(text, values)).rows
    },
    /** As `sluice_owner`, whom the functions of Postgres run as. */
    asOwner: (text: string, values: unknown[]) => asOwner(admin, text, values),
    /** What only the superuser can: rewrites a row that a guard holds. */
    unguarded: (table: string, text: string, values: unknown[]) => unguarded(admin, table, text, values),
  }
}

export type Scene = Awaited<ReturnType<typeof setScene>>

async function asOwner(admin: Pool, text: string, values: unknown[]): Promise<void> {
  const client = await admin.connect()
  try {
    await client.query('set role sluice_owner')
    await client.query(text, values)
  } finally {
    await client.query('reset role')
    client.release()
  }
}

async function unguarded(admin: Pool, table: string, text: string, values: unknown[]): Promise<void> {
  const client = await admin.connect()
  try {
    await client.query('begin')
    await client.query(`alter table ${table} disable trigger user`)
    await client.query(text, values)
    await client.query('set constraints all immediate')
    const { rows } = await client.query(
      `select tgname from pg_trigger where tgrelid = $1::regclass and not tgisinternal`,
      [table],
    )
    for (const { tgname } of rows) await client.query(`alter table ${table} enable always trigger ${tgname}`)
    await client.query('commit')
  } finally {
    client.release()
  }
}

async function addPerson(admin: Pool, name: string): Promise<Actor> {
  const id = newId()
  await admin.query(`insert into principal values ($1, 'person')`, [id])
  await admin.query(`insert into person (id, display_name) values ($1, $2)`, [id, name])
  await admin.query(`insert into identity (id, person_id, issuer, subject) values ($1, $2, 'local', $3)`, [
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
    tokenId: null,
    scopes: ['*'],
    mustChangePassword: false,
  }
}

async function addRobot(admin: Pool, name: string, owner: Actor): Promise<Actor> {
  const id = newId()
  await admin.query(`insert into principal values ($1, 'robot')`, [id])
  await admin.query(`insert into robot (id, name, created_by) values ($1, $2, $3)`, [
    id,
    name,
    owner.personId,
  ])
  return { ...owner, principalId: id, kind: 'robot', name, personId: null, answerable: owner.answerable }
}

export async function addFeed(admin: Pool, name: string, trusted: boolean, tagRules: object) {
  const id = newId()
  await admin.query(`insert into feed (id, stage, trusted, tag_rules) values ($1, 'x', $2, $3)`, [
    id,
    trusted,
    tagRules,
  ])
  await admin.query(`insert into feed_name (name, feed_id, is_current) values ($1, $2, true)`, [name, id])
  return { id, name, trusted }
}

export async function addLane(
  api: Store,
  name: string,
  from: string,
  to: string,
  by: Actor,
  policy: ReturnType<typeof parsePolicy>,
) {
  const id = newId()
  await transaction(api.prisma, async (tx) => {
    const entryId = await appendEntry(tx, {
      type: 'lane.created',
      actor: actorOf(by),
      subjects: [`lane:${id}`],
      payload: {},
    })
    await tx.lane.create({ data: { id, name, fromFeedId: from, toFeedId: to } })
    await tx.laneVersion.create({
      data: {
        laneId: id,
        version: 1,
        policy: JSON.parse(JSON.stringify(policy)),
        policyHash: policyHash(policy),
        quorum: quorumOf(policy),
        createdBy: by.principalId,
        entryId,
      },
    })
  })
  return id
}

export interface PushOptions {
  readonly by?: Actor
  readonly foreign?: boolean
  /** As an index over two images of two platforms. */
  readonly index?: boolean
}

async function pushImage(
  house: House,
  feed: Feed,
  repository: string,
  tags: readonly string[],
  pusher: Actor,
  { by = pusher, foreign = false, index = false }: PushOptions,
): Promise<string> {
  const address = { feed, repository }
  const put = async (body: object, mediaType: string, names: readonly string[]) => {
    const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, ...body }))
    const digest = digestOf(bytes)
    await house.api.feedIndex.putManifest({
      address,
      digest,
      tags: names,
      principalId: by.principalId,
      manifest: parseManifest(bytes, mediaType),
    })
    return { mediaType, digest, size: bytes.length }
  }
  const image = async (names: readonly string[]) => {
    const config = await addBlob(house, feed, repository, OCI_CONFIG)
    const layer = await addBlob(house, feed, repository, OCI_LAYER_GZIP)
    const left = {
      mediaType: 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip',
      size: 9,
      digest: `sha256:${'f'.repeat(64)}`,
    }
    return put({ config, layers: foreign ? [layer, left] : [layer] }, OCI_MANIFEST, names)
  }
  if (!index) return (await image(tags)).digest
  const manifests = []
  for (const architecture of ['amd64', 'arm64']) {
    manifests.push({ ...(await image([])), platform: { os: 'linux', architecture } })
  }
  return (await put({ manifests }, OCI_INDEX, tags)).digest
}

/** A blob row without bytes: nothing here reads them. */
async function addBlob({ admin }: House, feed: Feed, repository: string, mediaType: string) {
  const digest = `sha256:${createHash('sha256').update(randomBytes(16)).digest('hex')}`
  await admin.query(`insert into repository (id, feed_id, name) values ($1, $2, $3) on conflict do nothing`, [
    newId(),
    feed.id,
    repository,
  ])
  await admin.query(`insert into blob (digest, size, storage_key) values ($1, 100, replace($1, ':', '/'))`, [
    digest,
  ])
  await admin.query(
    `insert into repository_blob (repository_id, digest) select id, $1 from repository where feed_id = $2 and name = $3`,
    [digest, feed.id, repository],
  )
  return { mediaType, digest, size: 100 }
}

/** Nothing of the trusted feed is there. */
export async function nothingLanded(scene: Scene): Promise<void> {
  const rows = await scene.sql(
    `select t.name as there from repository r join tag t on t.repository_id = r.id where r.feed_id = $1
     union all select m.digest from repository r join repository_manifest m on m.repository_id = r.id where r.feed_id = $1
     union all select b.digest from repository r join repository_blob b on b.repository_id = r.id where r.feed_id = $1
     union all select a.digest from admission a where a.feed_id = $1`,
    [scene.trusted.id],
  )
  if (rows.length > 0) throw new Error(`${scene.trusted.name} holds ${JSON.stringify(rows)}`)
}

/** An index over an image in a feed of its own, which nobody promoted. Answers its digest. */
export async function indexElsewhere(scene: Scene, feedId: string, image: string): Promise<string> {
  const mediaType = OCI_INDEX
  const child = { mediaType: OCI_MANIFEST, digest: image, size: 100 }
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, manifests: [child], feedId }))
  const digest = digestOf(bytes)
  await scene.sql(`insert into manifest (digest, bytes, kind) values ($1, $2, 'index')`, [digest, bytes])
  await scene.sql(
    `insert into manifest_edge (parent_digest, position, kind, child_digest, media_type, size, required)
     values ($1, 0, 'manifest', $2, $3, 100, true)`,
    [digest, image, child.mediaType],
  )
  await scene.sql(
    `with place as (insert into repository (id, feed_id, name) values (gen_random_uuid(), $1, 'elsewhere') returning id)
     insert into repository_manifest (repository_id, digest, media_type) select id, $2, $3 from place`,
    [feedId, digest, mediaType],
  )
  return digest
}
