import type pg from 'pg'
import type { Actor } from '../actor.ts'

export const VERBS = [
  'pull',
  'push',
  'delete',
  'request',
  'approve',
  'admin',
  'break-glass',
  'recall',
] as const

export type Verb = (typeof VERBS)[number]

/** Feed ids, each with what may be done there. */
export type Grants = ReadonlyMap<string, ReadonlySet<Verb>>

/** The principal behind `*`: everybody, signed in or not. */
export const ANYONE = '00000000-0000-0000-0000-000000000000'

/**
 * What this actor (null: anonymous) may do on which feed: its own grants, its groups' and everybody's;
 * the role admin adds `admin` on every feed and nothing else. A token gives no more than its scopes.
 */
export async function grantsOf(pool: pg.Pool, actor: Actor | null): Promise<Grants> {
  const restrained = actor === null || actor.mustChangePassword
  const { rows } = await pool.query<{ feed: string; verbs: Verb[] }>({
    name: 'grants_find',
    text: FIND,
    values: [ANYONE, restrained ? null : actor.principalId, actor?.roles.includes('admin') ?? false],
  })
  const grants = new Map<string, Set<Verb>>()
  for (const { feed, verbs } of rows) {
    const reached = verbs.filter((verb) => (restrained ? verb === 'pull' : reaches(actor.scopes, verb, feed)))
    if (reached.length > 0) grants.set(feed, new Set([...(grants.get(feed) ?? []), ...reached]))
  }
  return grants
}

function reaches(scopes: readonly string[], verb: Verb, feedId: string): boolean {
  return scopes.includes('*') || scopes.includes(`${verb}:${feedId}`)
}

const FIND = `
  select g.feed_id as feed, g.verbs
  from access_grant g join feed f on f.id = g.feed_id and f.deleted_at is null
  where g.principal_id in (
    select $1::uuid union all select $2::uuid
    union all select m.group_id from group_member m where m.person_id = $2::uuid)
  union all
  select f.id, array['admin'] from feed f where $3::boolean and f.deleted_at is null`
