import { evidenceRulesOf, type Policy, type Reach, requireSatisfiable } from '@sluice/promotion'
import { StoreError } from '../errors.ts'
import type { Transaction } from '../transaction.ts'

/**
 * Refuses a policy that nobody could satisfy, as groups and grants are now, and one that names a feed, user or robot
 * which never was.
 * @throws PromotionError invalid; StoreError invalid
 */
export async function requireReachable(tx: Transaction, policy: Policy, toFeedId: string): Promise<void> {
  const before = policy.gates.predecessor?.feed
  if (before !== undefined) {
    const [feed] = await tx.$queryRaw<{ id: string }[]>`
      select n.feed_id as id from feed_name n join feed f on f.id = n.feed_id
      where n.name = ${before} and f.deleted_at is null`
    if (feed === undefined || feed.id === toFeedId) {
      const why =
        feed === undefined ? `there is no feed ${before}` : 'a lane cannot come after its own target'
      throw new StoreError('invalid', why, { field: 'policy.gates.predecessor.feed' })
    }
  }
  await requireSenders(tx, policy)
  requireSatisfiable(policy, await reachOf(tx, policy, toFeedId))
}

/**
 * Names of users and robots are never given twice, but one that nobody has yet is anybody's to take: a robot is made by
 * whoever signs in, and would then vouch for evidence here.
 * @throws StoreError invalid
 */
async function requireSenders(tx: Transaction, policy: Policy): Promise<void> {
  const named = evidenceRulesOf(policy).flatMap(([place, { from }]) =>
    from.map((source, i) => ({ source, field: `policy.${place}.from[${i}]` })),
  )
  const rows = await tx.$queryRaw<{ source: string }[]>`
    select 'robot:' || name as source from robot where 'robot:' || name = any (${named.map(({ source }) => source)}::text[])
    union all select 'user:' || subject from identity
      where issuer = 'local' and 'user:' || subject = any (${named.map(({ source }) => source)}::text[])`
  const known = new Set(rows.map(({ source }) => source))
  const unknown = named.find(({ source }) => /^(?:user|robot):/.test(source) && !known.has(source))
  if (unknown === undefined) return
  const [kind = '', name = ''] = unknown.source.split(':')
  throw new StoreError(
    'invalid',
    `there is no ${kind} ${name} yet; make it first, so that nobody else takes the name`,
    {
      field: unknown.field,
    },
  )
}

async function reachOf(tx: Transaction, { gates }: Policy, feedId: string): Promise<Reach> {
  const named = [...new Set(gates.quorum.flatMap(({ group }) => group ?? []))]
  const groups = await tx.$queryRaw<{ name: string; members: string[] }[]>`
    select g.name, array(select m.person_id from group_member m join person p on p.id = m.person_id
      where m.group_id = g.id and p.disabled_at is null) as members
    from user_group g where g.name = any (${named}::text[])`
  const members = new Map(groups.map((group) => [group.name, group.members]))
  // Until somebody has said who may do what on the feed, it is only not furnished yet.
  const [said] = await tx.$queryRaw<unknown[]>`
    select from audit_entry where type = 'feed.grants_changed' and subjects @> array[${`feed:${feedId}`}] limit 1`
  return {
    groups: new Map(named.map((name) => [name, members.get(name) ?? null])),
    approvers: said === undefined ? null : await holders(tx, feedId, 'approve'),
    requesters: (await holders(tx, feedId, 'request')).map((person) => [person]),
  }
}

/** Every person who holds a verb: itself, by a group, as anyone, or by a robot it answers for. */
async function holders(tx: Transaction, feedId: string, verb: 'approve' | 'request'): Promise<string[]> {
  const rows = await tx.$queryRaw<{ id: string }[]>`
    select distinct p.id from person p join access_grant g on g.feed_id = ${feedId}::uuid and ${verb} = any (g.verbs)
    where p.disabled_at is null and (
      g.principal_id = p.id
      or g.principal_id in (select m.group_id from group_member m where m.person_id = p.id)
      or g.principal_id = '00000000-0000-0000-0000-000000000000'
      or g.principal_id in (select r.id from robot r where r.created_by = p.id and ${verb} = 'request'))`
  return rows.map(({ id }) => id)
}
