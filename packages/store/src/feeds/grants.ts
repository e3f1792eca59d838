import { createHash } from 'node:crypto'
import { ANYONE, VERBS, type Verb } from '../accounts/grants.ts'
import { isName } from '../accounts/names.ts'
import { type Actor, actorOf } from '../actor.ts'
import { appendEntry } from '../audit/entry.ts'
import { StoreError } from '../errors.ts'
import { type Connections, type Transaction, transaction } from '../transaction.ts'

export interface Grant {
  /** `user:x`, `group:x`, `robot:x`, or `*` for everybody. */
  readonly principal: string
  readonly verbs: readonly Verb[]
}

export interface GrantList {
  readonly items: readonly Grant[]
  /** Changes with the items; a strong entity tag with its quotes. RFC 9110, section 8.8.3. */
  readonly etag: string
}

export function feedGrants({ prisma }: Connections) {
  return {
    grants: (feedId: string): Promise<GrantList> => transaction(prisma, (tx) => readGrants(tx, feedId)),

    /**
     * Replaces all grants of the feed, if they are still what `ifMatch` names.
     * @throws StoreError precondition_failed, invalid (naming the item), not_found
     */
    putGrants(
      actor: Actor,
      feedId: string,
      items: readonly { principal: string; verbs: readonly string[] }[],
      ifMatch?: string,
    ): Promise<GrantList> {
      return transaction(prisma, async (tx) => {
        const held = await tx.$queryRaw<
          unknown[]
        >`select id from feed where id = ${feedId}::uuid and deleted_at is null for update`
        if (held.length === 0) throw new StoreError('not_found', 'there is no such feed')
        const before = await readGrants(tx, feedId)
        if (ifMatch !== undefined && ifMatch !== '*' && ifMatch !== before.etag) {
          throw new StoreError(
            'precondition_failed',
            'the grants have changed since they were read; read them again',
          )
        }
        const grants = new Map<string, readonly Verb[]>()
        for (const [at, { principal, verbs }] of items.entries()) {
          const id = await principalId(tx, principal, `[${at}].principal`)
          if (grants.has(id))
            throw new StoreError('invalid', `${principal} is named twice`, { field: `[${at}].principal` })
          grants.set(id, readVerbs(verbs, `[${at}].verbs`))
        }
        await tx.accessGrant.deleteMany({ where: { feedId } })
        await tx.accessGrant.createMany({
          data: [...grants].map(([principalId, verbs]) => ({ feedId, principalId, verbs: [...verbs] })),
        })
        const after = await readGrants(tx, feedId)
        if (after.etag === before.etag) return after
        await appendEntry(tx, {
          type: 'feed.grants_changed',
          actor: actorOf(actor),
          subjects: [`feed:${feedId}`],
          payload: JSON.parse(JSON.stringify({ from: before.items, to: after.items })),
        })
        return after
      })
    },
  }
}

async function readGrants(tx: Transaction, feedId: string): Promise<GrantList> {
  const items = await tx.$queryRaw<Grant[]>`
    select case p.kind when 'anyone' then '*' when 'person' then 'user:' || i.subject
        when 'group' then 'group:' || u.name else 'robot:' || r.name end as principal,
      array(select v.name from unnest(${[...VERBS]}::text[]) with ordinality as v (name, position)
            where v.name = any (g.verbs) order by v.position) as verbs
    from access_grant g join principal p on p.id = g.principal_id
    left join identity i on i.person_id = p.id and i.issuer = 'local'
    left join user_group u on u.id = p.id
    left join robot r on r.id = p.id
    where g.feed_id = ${feedId}::uuid order by 1`
  const hash = createHash('sha256').update(JSON.stringify(items)).digest('base64url')
  return { items, etag: `"${hash}"` }
}

function readVerbs(verbs: readonly string[], field: string): readonly Verb[] {
  const unknown = verbs.find((verb) => !VERBS.some((known) => known === verb))
  if (unknown === undefined && verbs.length > 0) return VERBS.filter((verb) => verbs.includes(verb))
  throw new StoreError('invalid', `name at least one verb, of ${VERBS.join(', ')}`, { field })
}

/** A bare name is a user's. @throws StoreError invalid, naming `field` */
export async function principalId(tx: Transaction, principal: string, field: string): Promise<string> {
  if (principal === '*') return ANYONE
  const colon = principal.indexOf(':')
  const kind = colon < 0 ? 'user' : principal.slice(0, colon)
  const name = isName(principal.slice(colon + 1)) ? principal.slice(colon + 1) : ''
  const rows = await tx.$queryRaw<{ id: string }[]>`
    select person_id as id from identity where ${kind} = 'user' and issuer = 'local' and subject = ${name}
    union all select id from user_group where ${kind} = 'group' and name = ${name}
    union all select id from robot where ${kind} = 'robot' and name = ${name}`
  if (rows[0]) return rows[0].id
  throw new StoreError(
    'invalid',
    `there is no ${JSON.stringify(principal)}; name user:x, group:x, robot:x or *`,
    { field },
  )
}
