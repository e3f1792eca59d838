import { type Actor, actorOf } from '../actor.ts'
import { appendEntry } from '../audit/entry.ts'
import { StoreError } from '../errors.ts'
import { feedByName } from '../feeds/find.ts'
import { isId, newId } from '../id.ts'
import { type Page, type Paged, paged } from '../page.ts'
import { type Connections, type Transaction, transaction } from '../transaction.ts'
import { VERBS } from './grants.ts'
import { requireFreeSignInName, requireName, requireText } from './names.ts'
import { newSecret, secretHash } from './secret.ts'

export interface Token {
  readonly id: string
  readonly name: string
  /** The robot it speaks for; null: the person who made it. */
  readonly robot: string | null
  /** `*`, `<verb>:<feed>` under the feed's current name, or `report:<site>`. */
  readonly scopes: readonly string[]
  readonly createdAt: Date
  readonly expiresAt: Date
  readonly lastUsedAt: Date | null
}

export interface NewToken {
  readonly name: string
  /** `*`, `<verb>:<feed>` or `report:<site>`. */
  readonly scopes: readonly string[]
  /** Default: in 90 days. */
  readonly expiresAt?: Date | undefined
  /** Makes the token speak for this robot, which is made at its first token. */
  readonly robot?: string | undefined
}

const DAY = 86_400_000
const DEFAULT_DAYS = 90
const MOST_DAYS = 366

/** API tokens: a person's own, and those of the robots the person made. */
export function tokens({ prisma, pool }: Connections) {
  return {
    async list(actor: Actor, { limit, after }: Page): Promise<Paged<Token>> {
      if (after && !isId(after))
        throw new StoreError('invalid', 'is not a place in this list', { field: 'after' })
      const { rows } = await pool.query<Token>(
        `${SELECT} where (t.owner_id = $1 or t.principal_id = $2) and t.kind = 'api' and t.revoked_at is null
           and ($3::uuid is null or t.id > $3) order by t.id limit $4`,
        [actor.personId, actor.principalId, after ?? null, limit + 1],
      )
      return paged(rows, limit, ({ id }) => id)
    },

    /**
     * Answers the secret, which is stored nowhere. Only who may do everything that the person may can
     * make one: a token never makes a wider one.
     * @throws StoreError invalid, denied
     */
    async create(actor: Actor, token: NewToken): Promise<Token & { secret: string }> {
      const owner = actor.personId
      if (owner === null || !actor.scopes.includes('*') || actor.mustChangePassword) {
        throw new StoreError('denied', 'only a signed-in person makes tokens, not a robot or a limited token')
      }
      requireText(token.name, 'name')
      const expiresAt = expiry(token.expiresAt)
      const secret = newSecret()
      const id = newId()
      await transaction(prisma, async (tx) => {
        const scopes = await readScopes(tx, token.scopes)
        const principalId = token.robot === undefined ? owner : await enterRobot(tx, actor, token.robot)
        await tx.token.create({
          data: {
            id,
            principalId,
            ownerId: owner,
            kind: 'api',
            name: token.name,
            secretHash: new Uint8Array(secretHash(secret)),
            scopes,
            expiresAt,
          },
        })
        await appendEntry(tx, {
          type: 'token.created',
          actor: actorOf(actor),
          subjects: [`token:${id}`, `${token.robot === undefined ? 'person' : 'robot'}:${principalId}`],
          payload: {
            name: token.name,
            scopes,
            expiresAt: expiresAt.toISOString(),
            robot: token.robot ?? null,
          },
        })
      })
      const { rows } = await pool.query<Token>(`${SELECT} where t.id = $1`, [id])
      return { ...rows[0]!, secret }
    },

    /** The owner's, or any for a role admin; sessions too (sign-out). @throws StoreError not_found */
    revoke(actor: Actor, id: string): Promise<void> {
      return transaction(prisma, async (tx) => {
        const [token] = isId(id)
          ? await tx.$queryRaw<{ name: string; kind: string }[]>`
              update token set revoked_at = now()
              where id = ${id}::uuid and revoked_at is null
                and (owner_id = ${actor.personId}::uuid or ${actor.roles.includes('admin')} or id = ${actor.tokenId}::uuid)
              returning name, kind`
          : []
        if (!token) throw new StoreError('not_found', `there is no token ${JSON.stringify(id)} of yours`)
        if (token.kind === 'session') return
        const { name } = token
        await appendEntry(tx, {
          type: 'token.revoked',
          actor: actorOf(actor),
          subjects: [`token:${id}`],
          payload: { name },
        })
      })
    },
  }
}

// A scope holds the id of its feed or site, so that it follows what is meant and not the name.
const SELECT = `
  select t.id, t.name, r.name as robot, t.created_at as "createdAt", t.expires_at as "expiresAt",
    t.last_used_at as "lastUsedAt",
    array(select case when s.scope = '*' then '*' else split_part(s.scope, ':', 1) || ':' || coalesce(n.name, w.name) end
          from unnest(t.scopes) with ordinality as s (scope, position)
          left join feed_name n on n.is_current and n.feed_id::text = split_part(s.scope, ':', 2)
          left join site w on w.id::text = split_part(s.scope, ':', 2)
          order by s.position) as scopes
  from token t left join robot r on r.id = t.principal_id`

function expiry(asked: Date | undefined): Date {
  const at = asked ?? new Date(Date.now() + DEFAULT_DAYS * DAY)
  const left = at.getTime() - Date.now()
  if (!(left > 0 && left <= MOST_DAYS * DAY)) {
    throw new StoreError('invalid', `must be a time within the next ${MOST_DAYS} days`, {
      field: 'expiresAt',
    })
  }
  return at
}

async function readScopes(tx: Transaction, asked: readonly string[]): Promise<string[]> {
  if (asked.length === 0 || asked.length > 200) {
    throw new StoreError('invalid', 'name 1 to 200 scopes: "*", "<verb>:<feed>" or "report:<site>"', {
      field: 'scopes',
    })
  }
  const scopes = new Set<string>()
  for (const [at, scope] of asked.entries()) {
    const field = `scopes[${at}]`
    const [verb, feed, ...rest] = scope.split(':')
    if (scope === '*') scopes.add('*')
    else if (verb === 'report' && feed !== undefined && rest.length === 0) {
      const site = await tx.site.findFirst({ where: { name: feed, deletedAt: null } })
      if (!site) throw new StoreError('invalid', `there is no site ${JSON.stringify(feed)}`, { field })
      scopes.add(`${verb}:${site.id}`)
    } else if (VERBS.some((known) => known === verb) && feed !== undefined && rest.length === 0) {
      const found = await feedByName(tx, feed)
      if (!found) throw new StoreError('invalid', `there is no feed ${JSON.stringify(feed)}`, { field })
      scopes.add(`${verb}:${found.id}`)
    } else
      throw new StoreError(
        'invalid',
        `must be "*", "<verb>:<feed>" or "report:<site>"; verbs are ${VERBS.join(', ')}`,
        {
          field,
        },
      )
  }
  return [...scopes]
}

/** The robot of this name: the actor's own, or a new one. @throws StoreError name_taken, denied */
async function enterRobot(tx: Transaction, actor: Actor, name: string): Promise<string> {
  requireName(name, 'robot')
  await tx.$executeRaw`select pg_advisory_xact_lock(hashtextextended(${`sign-in ${name}`}, 0))`
  const robot = await tx.robot.findUnique({ where: { name } })
  if (robot) {
    if (robot.createdBy === actor.personId || actor.roles.includes('admin')) return robot.id
    throw new StoreError('denied', `the robot ${name} was made by somebody else`, { field: 'robot' })
  }
  await requireFreeSignInName(tx, name, 'robot')
  const id = newId()
  await tx.principal.create({ data: { id, kind: 'robot' } })
  await tx.robot.create({ data: { id, name, createdBy: actor.personId! } })
  await appendEntry(tx, {
    type: 'robot.created',
    actor: actorOf(actor),
    subjects: [`robot:${id}`],
    payload: { name },
  })
  return id
}
