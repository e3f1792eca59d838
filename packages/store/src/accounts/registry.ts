import type { Actor, Role } from '../actor.ts'
import { isId, newId } from '../id.ts'
import type { Connections } from '../transaction.ts'
import { looksLikeSecret, newSecret, secretHash } from './secret.ts'

const REFRESH_DAYS = 90

/** What stands behind registry tokens, which name a principal and are checked without asking here. */
export function registryCredentials({ pool }: Connections) {
  const ask = async (text: string, values: unknown[]): Promise<Actor | null> => {
    const { rows } = await pool.query<Row>(text, values)
    return rows[0] ? actorOf(rows[0]) : null
  }

  return {
    /**
     * Who the principal is now; null when disabled, or when the API token that was shown has ended.
     * @param tokenId null: the password was shown
     */
    async byPrincipal({
      principalId,
      tokenId,
    }: {
      principalId: string
      tokenId: string | null
    }): Promise<Actor | null> {
      if (!isId(principalId) || (tokenId !== null && !isId(tokenId))) return null
      return tokenId === null
        ? ask(PERSON, [principalId])
        : ask(`${TOKEN} and t.id = $2`, [principalId, tokenId])
    },

    /** A secret that stands for the password this person has now; null for an API token, which lasts by itself. */
    async createRefresh(actor: Actor): Promise<string | null> {
      if (actor.personId === null || actor.tokenId !== null) return null
      const secret = newSecret()
      await pool.query(
        `insert into token (id, principal_id, owner_id, kind, name, secret_hash, scopes, expires_at)
         values ($1, $2, $2, 'refresh', 'registry', $3, '{*}', now() + $4 * interval '1 day')`,
        [newId(), actor.personId, secretHash(secret), REFRESH_DAYS],
      )
      return secret
    },

    /** The person of a refresh secret; null when it ended, or the password changed since. */
    async byRefresh(secret: string): Promise<Actor | null> {
      return looksLikeSecret(secret) ? ask(REFRESH, [secretHash(secret)]) : null
    },
  }
}

interface Row {
  readonly principalId: string
  readonly kind: 'person' | 'robot'
  readonly name: string
  readonly ownerId: string
  readonly roles: readonly Role[] | null
  readonly tokenId: string | null
  readonly scopes: readonly string[]
  readonly mustChangePassword: boolean
}

function actorOf({ ownerId, roles, ...row }: Row): Actor {
  const whole = row.scopes.includes('*') && !row.mustChangePassword
  return {
    ...row,
    personId: row.kind === 'person' ? row.principalId : null,
    answerable: [ownerId],
    roles: whole ? (roles ?? []) : [],
  }
}

const PERSON_COLUMNS = `p.id as "principalId", 'person' as kind, i.subject as name, p.id as "ownerId", p.roles,
  null as "tokenId", '{*}'::text[] as scopes, c.must_change as "mustChangePassword"`

const PERSON_TABLES = `person p
  join identity i on i.person_id = p.id and i.issuer = 'local'
  join credential c on c.person_id = p.id`

const PERSON = `select ${PERSON_COLUMNS} from ${PERSON_TABLES} where p.id = $1 and p.disabled_at is null`

const REFRESH = `select ${PERSON_COLUMNS} from ${PERSON_TABLES} join token t on t.principal_id = p.id
  where t.secret_hash = $1 and t.kind = 'refresh' and t.revoked_at is null and t.expires_at > now()
    and t.created_at >= c.set_at and p.disabled_at is null`

const TOKEN = `
  select t.principal_id as "principalId", q.kind, coalesce(i.subject, r.name) as name, t.owner_id as "ownerId",
    p.roles, t.id as "tokenId", t.scopes, t.kind = 'session' and coalesce(c.must_change, false) as "mustChangePassword"
  from token t
  join principal q on q.id = t.principal_id
  join person owner on owner.id = t.owner_id and owner.disabled_at is null
  left join person p on p.id = t.principal_id
  left join identity i on i.person_id = p.id and i.issuer = 'local'
  left join credential c on c.person_id = p.id
  left join robot r on r.id = t.principal_id
  where t.principal_id = $1 and t.kind in ('session', 'api') and t.revoked_at is null and t.expires_at > now()
    and p.disabled_at is null and r.disabled_at is null`
