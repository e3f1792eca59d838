import { type Policy, parsePolicy, policyHash, quorumOf } from '@sluice/promotion'
import type { JsonObject } from '@sluice/proof'
import { isName, requireName } from './accounts/names.ts'
import { type Actor, actorOf } from './actor.ts'
import { appendEntry } from './audit/entry.ts'
import { StoreError } from './errors.ts'
import { requireReachable } from './evidence/reach.ts'
import { feedByName } from './feeds/find.ts'
import { newId } from './id.ts'
import { type Connections, type Transaction, transaction } from './transaction.ts'

export interface LaneView {
  readonly id: string
  readonly name: string
  /** Current names of the feeds. */
  readonly from: string
  readonly to: string
  readonly fromFeedId: string
  readonly toFeedId: string
  readonly version: number
  readonly policy: Policy
  readonly createdAt: Date
  /** When this version was written. */
  readonly updatedAt: Date
}

export interface NewLane {
  readonly name: string
  readonly from: string
  readonly to: string
  readonly policy: unknown
}

export function lanes({ prisma, pool }: Connections) {
  async function find(name: string): Promise<LaneView> {
    const { rows } = await pool.query<LaneView>(`${VIEW} and l.name = $1`, [isName(name) ? name : ''])
    if (!rows[0]) throw missing(name)
    return rows[0]
  }

  return {
    /** All of them, by name: lanes are few. */
    async list(): Promise<readonly LaneView[]> {
      return (await pool.query<LaneView>(`${VIEW} order by l.name collate "C"`)).rows
    },

    /** @throws StoreError not_found */
    get: find,

    /** @throws StoreError invalid, name_taken, denied (a robot); PromotionError invalid (policy) */
    async create(actor: Actor, lane: NewLane): Promise<LaneView> {
      await transaction(prisma, (tx) => insertLane(tx, lane, authorOf(actor)))
      return find(lane.name)
    },

    /**
     * Writes a new version, unless the policy is the one it has. Open requests keep theirs.
     * @throws StoreError not_found, denied (a robot); PromotionError invalid (policy)
     */
    async put(actor: Actor, name: string, { policy }: { policy: unknown }): Promise<LaneView> {
      const author = authorOf(actor)
      const parsed = parsePolicy(policy)
      await transaction(prisma, async (tx) => {
        const id = await lockLane(tx, name)
        const latest = await tx.laneVersion.findFirstOrThrow({
          where: { laneId: id },
          orderBy: { version: 'desc' },
        })
        if (latest.policyHash === policyHash(parsed)) return
        await insertVersion(tx, {
          id,
          name,
          version: latest.version + 1,
          policy: parsed,
          author,
          type: 'lane.changed',
        })
      })
      return find(name)
    },

    /** Its requests and versions stay on record; the name is free again. @throws StoreError not_found */
    remove(actor: Actor, name: string): Promise<void> {
      return transaction(prisma, async (tx) => {
        const id = await lockLane(tx, name)
        await tx.lane.update({ where: { id }, data: { deletedAt: new Date() } })
        await appendEntry(tx, {
          type: 'lane.removed',
          actor: actorOf(actor),
          subjects: [`lane:${id}`],
          payload: { name },
        })
      })
    },
  }
}

const VIEW = `
  select l.id, l.name, f.name as "from", t.name as "to", l.from_feed_id as "fromFeedId", l.to_feed_id as "toFeedId",
    v.version, v.policy, l.created_at as "createdAt", v.created_at as "updatedAt"
  from lane l
  join feed_name f on f.feed_id = l.from_feed_id and f.is_current
  join feed_name t on t.feed_id = l.to_feed_id and t.is_current
  join lateral (select * from lane_version v where v.lane_id = l.id order by v.version desc limit 1) v on true
  where l.deleted_at is null`

/** The person answerable for a version; Postgres compares it with the entry's actor. */
function authorOf(actor: Actor): string {
  if (actor.personId === null) throw new StoreError('denied', 'a lane is written by a person, not by a robot')
  return actor.personId
}

/** @throws StoreError invalid, name_taken; PromotionError invalid */
export async function insertLane(
  tx: Transaction,
  { name, from, to, policy }: NewLane,
  author: string,
): Promise<void> {
  requireName(name, 'name')
  const parsed = parsePolicy(policy)
  const [source, target] = [await requireFeed(tx, from, 'from'), await requireFeed(tx, to, 'to')]
  if (source === target)
    throw new StoreError('invalid', 'a lane leads from one feed to another', { field: 'to' })
  const id = newId()
  const made = await tx.$executeRaw`
    insert into lane (id, name, from_feed_id, to_feed_id) values (${id}::uuid, ${name}, ${source}::uuid, ${target}::uuid)
    on conflict (name) where deleted_at is null do nothing`
  if (made === 0) throw new StoreError('name_taken', `there is a lane ${name} already`, { field: 'name' })
  await insertVersion(tx, { id, name, version: 1, policy: parsed, author, type: 'lane.created' })
}

/** The feed stays until commit: a feed with a lane is not removed. */
async function requireFeed(tx: Transaction, name: string, field: string): Promise<string> {
  const feed = await feedByName(tx, name)
  if (feed) {
    const held = await tx.$queryRaw<
      unknown[]
    >`select id from feed where id = ${feed.id}::uuid and deleted_at is null for share`
    if (held.length === 1) return feed.id
  }
  throw new StoreError('invalid', `there is no feed ${JSON.stringify(name)}`, { field })
}

async function lockLane(tx: Transaction, name: string): Promise<string> {
  const [lane] = await tx.$queryRaw<{ id: string }[]>`
    select id from lane where name = ${isName(name) ? name : ''} and deleted_at is null for update`
  if (!lane) throw missing(name)
  return lane.id
}

async function insertVersion(
  tx: Transaction,
  {
    id,
    name,
    version,
    policy,
    author,
    type,
  }: {
    id: string
    name: string
    version: number
    policy: Policy
    author: string
    type: string
  },
): Promise<void> {
  const { toFeedId } = await tx.lane.findUniqueOrThrow({ where: { id } })
  await requireReachable(tx, policy, toFeedId)
  const json: JsonObject & object = JSON.parse(JSON.stringify(policy))
  const entryId = await appendEntry(tx, {
    type,
    actor: `person:${author}`,
    subjects: [`lane:${id}`],
    payload: { name, version, policy: json, policyHash: policyHash(policy) },
  })
  await tx.laneVersion.create({
    data: {
      laneId: id,
      version,
      policy: json,
      policyHash: policyHash(policy),
      quorum: quorumOf(policy),
      createdBy: author,
      entryId,
    },
  })
}

function missing(name: string): StoreError {
  return new StoreError('not_found', `there is no lane ${JSON.stringify(name)}`)
}
