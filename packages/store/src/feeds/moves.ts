import { afterNumber, type Page, type Paged, paged } from '../page.ts'
import { principalNamed } from '../promotion/names.ts'
import type { Connections } from '../transaction.ts'

export interface TagMoveView {
  readonly tag: string
  readonly from: string | null
  /** Null: the tag was removed. */
  readonly to: string | null
  readonly at: Date
  /** Null when a promotion moved it: `approvers` let it, on `requestId`. Of a proxy feed: `upstream:HOST`. */
  readonly by: string | null
  readonly promotionId: string | null
  readonly requestId: string | null
  readonly approvers: readonly string[]
}

/** A move beside those of other tags: where, and why. */
export interface FoundMove extends TagMoveView {
  readonly id: string
  readonly feed: string
  readonly repository: string
  /** Of a promotion: who asked for it, and what for. */
  readonly requester: string | null
  readonly reason: string | null
  /** Of a move that followed from something else, as a purge: the type of its audit entry. */
  readonly event: string | null
}

export interface MoveFilter extends Page {
  /** By its current or a former name. */
  readonly feed?: string | undefined
  readonly repository?: string | undefined
  readonly tag?: string | undefined
  /** That the tag came to, or left. */
  readonly digest?: string | undefined
  /** Who moved it or, of a promotion, approved it: a user name, or `robot:name`. */
  readonly actor?: string | undefined
  /** From `since`, before `until`. */
  readonly since?: Date | undefined
  readonly until?: Date | undefined
  /** Moves in other feeds are not there. */
  readonly visibleFeedIds: readonly string[]
}

const BY = `coalesce(i.subject, r.name, case when m.observed then 'upstream:' || split_part(remote_address(m.feed_id), '/', 1) end)`
export const MOVE_COLUMNS = `m.id, m.tag, m.from_digest as "from", m.to_digest as "to", m.at, ${BY} as by,
    m.promotion_id as "promotionId", p.request_id as "requestId",
    array(select coalesce(ai.subject, a.person_id::text) from approval a
          left join identity ai on ai.person_id = a.person_id and ai.issuer = 'local'
          where a.request_id = p.request_id and a.decision = 'approve' and a.revoked_at is null
          order by a.at, a.id) as approvers`
export const MOVE_NAMES = `left join promotion p on p.id = m.promotion_id
  left join identity i on i.person_id = m.actor_id and i.issuer = 'local'
  left join robot r on r.id = m.actor_id`

/** Every move of every tag that may be seen, searched. */
export function tagMoves({ prisma, pool }: Connections) {
  return {
    /** The newest first. @throws StoreError invalid (after) */
    async moves(filter: MoveFilter): Promise<Paged<FoundMove>> {
      const after = afterNumber(filter.after)
      const places = await placesOf(filter)
      const actorId = filter.actor === undefined ? undefined : await principalNamed(prisma, filter.actor)
      if (places.ids.length === 0 || actorId === null) return { items: [], next: null }
      const values: unknown[] = []
      const put = (value: unknown): string => `$${values.push(value)}`
      const { limit, tag, digest, since, until } = filter
      const size = put(limit + 1)
      const approved = (person: string) =>
        `m.promotion_id in (select p.id from approval a join promotion p on p.request_id = a.request_id
          where a.person_id = ${person} and a.decision = 'approve' and a.revoked_at is null)`
      // Where one page can be read off the end of an index, that is where the search begins; the rest only narrows.
      let begins: string[] | undefined
      const narrows = [`m.${places.column} = any (${put(places.ids)}::uuid[])`]
      if (actorId !== undefined) {
        const person = put(actorId)
        begins = [`m.actor_id = ${person}`, approved(person)]
        narrows.push(`(${begins.join(' or ')})`)
      }
      if (digest !== undefined) {
        const value = put(digest)
        begins = [`m.to_digest = ${value}`, `m.from_digest = ${value}`]
        narrows.push(`(${begins.join(' or ')})`)
      }
      if (tag !== undefined) narrows.push(`m.tag = ${put(tag)}`)
      if (since !== undefined) narrows.push(`m.at >= ${put(since)}`)
      if (until !== undefined) narrows.push(`m.at < ${put(until)}`)
      if (after !== null) {
        narrows.push(`(m.at, m.id) < (select a.at, a.id from tag_move a where a.id = ${put(after)})`)
      }
      begins ??= places.ids.map((id) => `m.${places.column} = ${put(id)}::uuid`)
      const found = begins.map(
        (begin) => `(select m.id, m.at from tag_move m where ${[begin, ...narrows].join(' and ')}
          order by m.at desc, m.id desc limit ${size})`,
      )
      const { rows } = await pool.query<FoundMove>(
        `with found as (select id, at from (${found.join(' union ')}) f order by at desc, id desc limit ${size})
         select ${MOVE_COLUMNS}, n.name as feed, repo.name as repository, q.reason, e.type as event,
           coalesce(ri.subject, 'robot:' || rr.name) as requester
         from found join tag_move m on m.id = found.id
         join repository repo on repo.id = m.repository_id
         join feed_name n on n.feed_id = m.feed_id and n.is_current
         ${MOVE_NAMES}
         left join request q on q.id = p.request_id
         left join identity ri on ri.person_id = q.requester_id and ri.issuer = 'local'
         left join robot rr on rr.id = q.requester_id
         left join audit_entry e on e.id = m.entry_id
         order by found.at desc, found.id desc`,
        values,
      )
      return paged(rows, limit, ({ id }) => id)
    },
  }

  /** The feeds that are looked into or, of one repository name, the repositories. */
  async function placesOf({ feed, repository, visibleFeedIds }: MoveFilter) {
    let feeds = [...visibleFeedIds]
    if (feed !== undefined) {
      const { rows } = await pool.query<{ id: string }>(
        'select feed_id as id from feed_name where name = $1 and feed_id = any ($2::uuid[])',
        [feed, feeds],
      )
      feeds = rows.map(({ id }) => id)
    }
    if (repository === undefined) return { column: 'feed_id', ids: feeds } as const
    const { rows } = await pool.query<{ id: string }>(
      'select id from repository where name = $1 and feed_id = any ($2::uuid[])',
      [repository, feeds],
    )
    return { column: 'repository_id', ids: rows.map(({ id }) => id) } as const
  }
}
