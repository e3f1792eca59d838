import { parsePolicy, policyHash } from '@sluice/promotion'
import { isName, requireName } from '../accounts/names.ts'
import type { Actor } from '../actor.ts'
import { StoreError } from '../errors.ts'
import { feedByName } from '../feeds/find.ts'
import { isId, newId } from '../id.ts'
import { type Connections, type Transaction, transaction } from '../transaction.ts'
import { type Change, change, confirm, type LockedLane, withdraw } from './change.ts'
import { invalidateOlder } from './invalidate.ts'
import { type LaneVersionView, type LaneView, missing, readLane, readLanes, readVersions } from './view.ts'

export interface NewLane {
  readonly name: string
  readonly from: string
  readonly to: string
  readonly policy: unknown
}

export interface LanePut {
  readonly policy: unknown
  /** Ends the open requests of older versions. */
  readonly invalidate?: boolean
}

/** Where a view has `pending`, a second administrator must confirm before anything changes. */
export function lanes({ prisma, pool }: Connections) {
  const locked = <T>(name: string, run: (tx: Transaction, lane: LockedLane) => Promise<T>): Promise<T> =>
    transaction(prisma, async (tx) => run(tx, await lockLane(tx, name)))

  return {
    /** All of them, by name: lanes are few. */
    list: (): Promise<readonly LaneView[]> => readLanes(pool),

    /** @throws StoreError not_found */
    get: (name: string): Promise<LaneView> => readLane(pool, name),

    /** The latest first. @throws StoreError not_found */
    versions: (name: string): Promise<readonly LaneVersionView[]> => readVersions(pool, name),

    /** @throws StoreError invalid, name_taken, lane_circle, denied (a robot); PromotionError invalid (policy) */
    async create(actor: Actor, lane: NewLane): Promise<LaneView> {
      await transaction(prisma, (tx) => insertLane(tx, lane, authorOf(actor)))
      return readLane(pool, lane.name)
    },

    /**
     * Writes a new version, unless the policy is the one it has. Open requests keep theirs unless they are
     * to end.
     * @throws StoreError not_found, change_pending, denied (a robot); PromotionError invalid (policy)
     */
    async put(actor: Actor, name: string, { policy, invalidate = false }: LanePut): Promise<LaneView> {
      const author = authorOf(actor)
      const wanted: Change = { kind: 'put', policy: parsePolicy(policy), invalidate }
      await locked(name, async (tx, lane) => {
        const latest = await tx.laneVersion.findFirst({
          where: { laneId: lane.id },
          orderBy: { version: 'desc' },
        })
        if (latest?.policyHash !== policyHash(wanted.policy)) await change(tx, lane, wanted, author)
        else if (invalidate) {
          await invalidateOlder(tx, { laneId: lane.id, version: latest.version, actor: `person:${author}` })
        }
      })
      return readLane(pool, name)
    },

    /**
     * Its requests and versions stay on record; the name is free again. Answers the lane while that waits for
     * a second administrator. @throws StoreError not_found, change_pending, denied (a robot)
     */
    async remove(actor: Actor, name: string): Promise<LaneView | null> {
      const author = authorOf(actor)
      const done = await locked(name, (tx, lane) => change(tx, lane, { kind: 'remove' }, author))
      return done === 'made' ? null : readLane(pool, name)
    },

    /** Makes a change that another administrator proposed; null: the lane is removed. @throws as `confirm` */
    async confirm(actor: Actor, name: string, id: string): Promise<LaneView | null> {
      const author = authorOf(actor)
      const kind = await locked(name, (tx, lane) => confirm(tx, lane, known(id), author))
      return kind === 'remove' ? null : readLane(pool, name)
    },

    /** Takes a proposed change back. @throws StoreError not_found, denied (a robot) */
    async withdraw(actor: Actor, name: string, id: string): Promise<void> {
      const author = authorOf(actor)
      await locked(name, (tx, lane) => withdraw(tx, lane, known(id), author))
    },
  }
}

function known(id: string): string {
  if (isId(id)) return id
  throw new StoreError('not_found', 'there is no such change')
}

/** The person answerable for a version; Postgres compares it with the entry's actor. */
function authorOf(actor: Actor): string {
  if (actor.personId === null) throw new StoreError('denied', 'a lane is written by a person, not by a robot')
  return actor.personId
}

/** @throws StoreError invalid, name_taken, lane_circle; PromotionError invalid */
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
  const wanted: Change = { kind: 'create', policy: parsed, invalidate: false }
  await change(tx, { id, name, toFeedId: target }, wanted, author)
}

/** The feed stays until commit: a feed with a lane is not removed. */
async function requireFeed(tx: Transaction, name: string, field: string): Promise<string> {
  const feed = await feedByName(tx, name)
  if (feed?.kind === 'proxy' && field === 'to') {
    const message = `${name} is a proxy feed, which its upstream alone fills; lead the lane into a hosted or remote feed`
    throw new StoreError('invalid', message, { field })
  }
  if (feed) {
    const held = await tx.$queryRaw<
      unknown[]
    >`select id from feed where id = ${feed.id}::uuid and deleted_at is null for share`
    if (held.length === 1) return feed.id
  }
  throw new StoreError('invalid', `there is no feed ${JSON.stringify(name)}`, { field })
}

async function lockLane(tx: Transaction, name: string): Promise<LockedLane> {
  const [lane] = await tx.$queryRaw<LockedLane[]>`
    select id, name, to_feed_id as "toFeedId" from lane
    where name = ${isName(name) ? name : ''} and deleted_at is null for update`
  if (!lane) throw missing(name)
  return lane
}
