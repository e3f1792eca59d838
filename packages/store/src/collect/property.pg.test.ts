import { createHash } from 'node:crypto'
import { digestOf } from '@sluice/oci'
import { expect, it } from 'vitest'
import { StoreError, type StoreErrorCode } from '../index.ts'
import { type House, openHouse, type Scene, setScene } from '../promotion/test-scene.ts'
import { imageOf, letADayPass, openRegistry, type Registry } from './test-registry.ts'

// Invariant 7 under everything at once: clients push, mount, tag and delete over HTTP, people request,
// approve and cancel, a worker promotes, a site reports, days pass, and the collector runs beside all of them, with
// retention rules. After every round everything that can be reached has its bytes, in storage, with the right hash,
// and retention took nothing that ran all the while.

const SECONDS = Number(process.env['SLUICE_TEST_COLLECT_SECONDS'] ?? 60)
const SEED = Number(process.env['SLUICE_TEST_COLLECT_SEED'] ?? 20_261_123)

const REPOSITORIES = ['app', 'team/api', 'tools']
const OPERATIONS_AT_ONCE = 6

/** A sequence that a seed fixes (mulberry32). */
function chance(seed: number) {
  let state = seed
  const next = () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const below = (limit: number) => Math.floor(next() * limit)
  return { below, pick: <T>(from: readonly T[]): T => from[below(from.length)]! }
}

/** Few at a time, so that images share them and what one deletes another needs; what is old is forgotten. */
const LAYERS = 8
const layer = (n: number) => createHash('sha512').update(`layer ${n}`).digest()

/** Refusals that another operation's success explains; anything else is a defect. */
const EXPLAINED = new Set<StoreErrorCode>([
  'digest_unknown',
  'tag_unknown',
  'closure_incomplete',
  'request_state',
  'target_moved',
  'tag_exists',
  'already_decided',
  'already_committing',
  'promotion_state',
  'fenced',
])

it(`invariant 7 holds after every step of ${SECONDS} s, seed ${SEED}`, {
  timeout: SECONDS * 1000 + 60_000,
}, async () => {
  const house = await openHouse()
  const scene = await setScene(house)
  const registry = await openRegistry(house, scene.rita.principalId, [scene.dev.id])
  const site = { name: 'prod', reporters: [scene.rita.name] }
  const { id: siteId } = await house.api.sites.create(scene.rita, site)
  await house.api.feeds.patch(scene.rita, scene.dev.name, {
    retention: { rules: [{ repositories: ['*'], keepLast: 3 }] },
  })
  const player = new Player(house, scene, registry, siteId, chance(SEED))
  const counts = { rounds: 0, blobs: 0, reached: 0, retired: 0 }
  try {
    for (const end = Date.now() + SECONDS * 1000; Date.now() < end; counts.rounds++) {
      const before = await reported(scene)
      const collected = collectTwice(house, registry)
      await Promise.all(Array.from({ length: OPERATIONS_AT_ONCE }, () => player.play()))
      counts.blobs += await collected
      counts.reached += await requireReachable(scene, registry)
      counts.retired += await requireRunning(scene, before)
      expect(registry.failures).toEqual([])
    }
    process.stdout.write(`seed ${SEED}: ${JSON.stringify({ ...counts, ...player.done })}\n`)
    // A run in which one of them never happened shows nothing.
    expect(counts.blobs).toBeGreaterThan(SECONDS)
    expect(counts.reached).toBeGreaterThan(0)
    expect(counts.retired).toBeGreaterThan(0)
    expect(Object.entries(player.done).filter(([, times]) => times === 0)).toEqual([])
  } finally {
    await registry.close()
    await house.close()
  }
})

function allowOnly(status: number, allowed: readonly number[]): void {
  if (!allowed.includes(status)) throw new Error(`answered ${status}, not one of ${allowed.join(' ')}`)
}

async function collectTwice(house: House, registry: Registry): Promise<number> {
  let blobs = 0
  for (const _ of [1, 2]) blobs += (await house.worker.collector.collect(registry.storage))?.blobs ?? 0
  return blobs
}

class Player {
  readonly done = {
    push: 0,
    remount: 0,
    remove: 0,
    day: 0,
    request: 0,
    cancel: 0,
    approve: 0,
    promote: 0,
    report: 0,
  }
  readonly #house: House
  readonly #scene: Scene
  readonly #registry: Registry
  readonly #siteId: string
  readonly #chance: ReturnType<typeof chance>
  #release = 0
  readonly #open: { id: string; digest: string }[] = []

  constructor(
    house: House,
    scene: Scene,
    registry: Registry,
    siteId: string,
    random: ReturnType<typeof chance>,
  ) {
    this.#house = house
    this.#scene = scene
    this.#registry = registry
    this.#siteId = siteId
    this.#chance = random
  }

  async play(): Promise<void> {
    const moves = [
      ...Array.from({ length: 3 }, () => () => this.push()),
      () => this.push(true),
      ...Array.from({ length: 4 }, () => () => this.remove()),
      () => this.day(),
      () => this.report(),
      ...Array.from({ length: 2 }, () => () => this.request()),
      ...Array.from({ length: 2 }, () => () => this.decide()),
    ]
    try {
      await this.#chance.pick(moves)()
    } catch (error) {
      if (!(error instanceof StoreError) || !EXPLAINED.has(error.code)) throw error
    }
  }

  /** A client pushes until it succeeds: what was collected between its blobs and its manifest goes again. */
  async push(mount = false): Promise<void> {
    const { pick, below } = this.#chance
    const { dev } = this.#scene
    const some = () => layer(this.done.push + this.done.remount + below(LAYERS))
    const repository = pick(REPOSITORIES)
    const mountFrom = mount ? `${dev.name}/${pick(REPOSITORIES)}` : ''
    const [config, ...layers] = [some(), some(), some()] as const
    const manifest = imageOf(config, layers, `note ${below(3)}`)
    const tag = `t${below(4)}`
    for (let tries = 1; tries <= 5; tries++) {
      for (const bytes of [config, ...layers]) {
        const status = await this.#registry.pushBlob(dev, repository, bytes, { mountFrom })
        allowOnly(status, [200, 201, 404]) // a day passed in the middle: the upload has ended
      }
      const status = await this.#registry.pushManifest(dev, repository, manifest, tag)
      allowOnly(status, [201, 400]) // MANIFEST_BLOB_UNKNOWN
      if (status === 201) {
        this.done[mount ? 'remount' : 'push']++
        return
      }
    }
  }

  async remove(): Promise<void> {
    const { dev } = this.#scene
    const [found] = await this.#scene.sql<{ name: string; digest: string }>(
      `select r.name, rm.digest from repository_manifest rm join repository r on r.id = rm.repository_id
       where r.feed_id = $1 order by rm.pushed_at offset $2 limit 1`,
      [dev.id, this.#chance.below(6)],
    )
    if (!found) return
    const gone = await this.#registry.ask('DELETE', `${dev.name}/${found.name}/manifests/${found.digest}`)
    allowOnly(gone.status, [202, 404])
    if (gone.status === 202) this.done.remove++
  }

  async day(): Promise<void> {
    await letADayPass(this.#house)
    await this.#scene.sql(
      `update repository_manifest set pushed_at = pushed_at - interval '25 hours' where admission_id is null`,
    )
    this.done.day++
  }

  /** The oldest run somewhere: those that retention would take next. */
  async report(): Promise<void> {
    const items = await this.#scene.sql<{ digest: string }>(
      `select distinct rm.digest, rm.pushed_at from repository_manifest rm join repository r on r.id = rm.repository_id
       where r.feed_id = $1 order by rm.pushed_at limit $2`,
      [this.#scene.dev.id, this.#chance.below(4)],
    )
    await this.#house.api.sites.report(this.#scene.rita, this.#siteId, items)
    this.done.report++
  }

  async request(): Promise<void> {
    const image = `${this.#chance.pick(REPOSITORIES)}:t${this.#chance.below(4)}`
    const { request } = await this.#scene.request(image, { targetTags: [`0.0.${this.#release++}`] })
    this.#open.push({ id: request.id, digest: request.digest ?? request.setDigest })
    this.done.request++
  }

  /** Cancels a request, or has it approved and promoted, with days between the steps. */
  async decide(): Promise<void> {
    const chosen = this.#open.splice(this.#chance.below(this.#open.length), 1)[0]
    if (!chosen) return
    const { api, worker } = this.#house
    const { anna, rita, begin, stageAll } = this.#scene
    if (this.#chance.below(4) > 0) {
      await api.requests.cancel(rita, chosen.id)
      this.done.cancel++
      return
    }
    const { promotion } = await api.requests.approve(anna, chosen.id, { digest: chosen.digest })
    this.done.approve++
    await letADayPass(this.#house)
    const run = await begin(promotion!.id)
    await stageAll(run)
    await letADayPass(this.#house)
    await worker.runs.commit(run)
    this.done.promote++
  }
}

/** Every blob that a manifest of its repository needs, or an open request awaits; answers how many. */
async function requireReachable(scene: Scene, registry: Registry): Promise<number> {
  const lost = await scene.sql(
    `select rm.repository_id, e.child_digest from repository_manifest rm
     join manifest_edge e on e.parent_digest = rm.digest and e.required
     left join repository_blob rb on rb.repository_id = rm.repository_id and rb.digest = e.child_digest
     where rb.digest is null`,
  )
  expect(lost).toEqual([])
  const wanted = await scene.sql<{ digest: string; key: string | null; size: string }>(
    `select w.digest, b.storage_key as key, b.size from (
       select e.child_digest as digest from repository_manifest rm join manifest_edge e on e.parent_digest = rm.digest
       union
       select c.digest from closure_member c join request r on r.id = c.request_id
       where c.kind = 'blob' and (r.state = 'PENDING' or r.state = 'APPROVED')) w
     left join blob b on b.digest = w.digest and b.quarantined_at is null`,
  )
  for (const { digest, key, size } of wanted) {
    if (key === null) throw new Error(`the blob ${digest} is gone`)
    const chunks: Buffer[] = []
    for await (const chunk of registry.storage.read(key, { start: 0, end: Number(size) - 1 })) {
      chunks.push(Buffer.from(chunk))
    }
    expect(digestOf(Buffer.concat(chunks))).toBe(digest)
  }
  const manifests = await scene.sql(
    `select c.digest from closure_member c join request r on r.id = c.request_id
     where c.kind = 'manifest' and r.state = 'PENDING'
       and not exists (select from manifest m where m.digest = c.digest)`,
  )
  expect(manifests).toEqual([])
  return wanted.length
}

interface Before {
  /** Of what runs now. */
  readonly ids: readonly string[]
  /** Entries so far. */
  readonly arrival: string
}

async function reported(scene: Scene): Promise<Before> {
  const [now] = await scene.sql<Before>(
    `select array(select id::text from running_image where ended_at is null) as ids,
       (select coalesce(max(arrival), 0)::text from audit_entry) as arrival`,
  )
  return now!
}

/** Retention has taken nothing since that ran before and runs still; answers how many manifests it took. */
async function requireRunning(scene: Scene, { ids, arrival }: Before): Promise<number> {
  const taken = await scene.sql<{ digest: string; ran: boolean }>(
    `select m ->> 'digest' as digest, exists (
       select from running_image i where i.id = any ($1::bigint[]) and i.ended_at is null and i.digest = m ->> 'digest') as ran
     from audit_entry e join audit_payload p on p.entry_id = e.id,
       jsonb_array_elements(convert_from(p.payload, 'UTF8')::jsonb -> 'manifests') m
     where e.type = 'feed.retention-applied' and e.arrival > $2`,
    [ids, arrival],
  )
  expect(taken.filter(({ ran }) => ran)).toEqual([])
  return taken.length
}
