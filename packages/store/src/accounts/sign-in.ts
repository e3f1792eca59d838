import type { Actor, Role } from '../actor.ts'
import { StoreError } from '../errors.ts'
import { newId } from '../id.ts'
import type { Connections } from '../transaction.ts'
import type { Attempt, failedSignIns } from './failures.ts'
import { isName } from './names.ts'
import { PasswordCheck } from './password.ts'
import { looksLikeSecret, newSecret, secretHash } from './secret.ts'

const SESSION_HOURS = 12

export interface Session {
  /** Shown once. */
  readonly token: string
  readonly expiresAt: Date
  readonly mustChangePassword: boolean
}

/** Who somebody is, by what they show: asked of Postgres every time, so that a withdrawal counts at once. */
export function signIns({ pool }: Connections, failures: ReturnType<typeof failedSignIns>) {
  const check = new PasswordCheck()

  async function find(username: string): Promise<PersonRow | null> {
    const { rows } = await pool.query<PersonRow>({
      name: 'person_by_name',
      text: BY_NAME,
      values: [username],
    })
    return rows[0] ?? null
  }

  /** @throws StoreError rate_limited, whether it is right or wrong */
  async function matches(attempt: Attempt, password: string, hash: string | null): Promise<boolean> {
    await failures.require(attempt)
    return check.matches(password, hash, {
      username: attempt.username,
      before: () => failures.require(attempt),
      failed: () => failures.note(attempt),
    })
  }

  /** The person of a right password, or null; unknown users take the same time. */
  async function personOf(
    username: string,
    password: string,
    address: string | null,
  ): Promise<PersonRow | null> {
    const person = isName(username) ? await find(username) : null
    const attempt = { username, personId: person?.id ?? null, address }
    return (await matches(attempt, password, person?.passwordHash ?? null)) ? person : null
  }

  async function byToken(secret: string): Promise<Actor | null> {
    if (!looksLikeSecret(secret)) return null
    const { rows } = await pool.query<TokenRow>({
      name: 'token_find',
      text: BY_TOKEN,
      values: [secretHash(secret)],
    })
    return rows[0] ? actorOfToken(rows[0]) : null
  }

  return {
    /**
     * @param address where the password came from, as `addressOf` writes it
     * @throws StoreError credentials_invalid: unknown user, wrong password or disabled, in one word; rate_limited
     */
    async signIn(username: string, password: string, address: string | null = null): Promise<Session> {
      const person = await personOf(username, password, address)
      if (!person) throw new StoreError('credentials_invalid', 'the user name or the password is wrong')
      const token = newSecret()
      const { rows } = await pool.query<{ expiresAt: Date }>(
        `insert into token (id, principal_id, owner_id, kind, name, secret_hash, scopes, expires_at)
         values ($1, $2, $2, 'session', 'session', $3, '{*}', now() + $4 * interval '1 hour')
         returning expires_at as "expiresAt"`,
        [newId(), person.id, secretHash(token), SESSION_HOURS],
      )
      return { token, expiresAt: rows[0]!.expiresAt, mustChangePassword: person.mustChangePassword }
    },

    /** The actor of a session or API token; null when it is unknown, revoked, expired or its owner disabled. */
    byToken,

    /**
     * Basic credentials: the password of the user, or an API token of the user or robot so named.
     * @throws StoreError rate_limited: a password, after too many wrong ones
     */
    async byPassword(username: string, secret: string, address: string | null = null): Promise<Actor | null> {
      if (looksLikeSecret(secret)) {
        const actor = await byToken(secret)
        return actor?.name === username ? actor : null
      }
      const person = await personOf(username, secret, address)
      return person && actorOfPerson(person, username)
    },

    /** For a change of password by who knows the current one. @throws StoreError rate_limited */
    knowsPassword: async (
      { personId, name }: { personId: string; name: string },
      password: string,
    ): Promise<boolean> => {
      const { rows } = await pool.query<{ hash: string }>(
        'select password_hash as hash from credential where person_id = $1',
        [personId],
      )
      const attempt = { username: name, personId, address: null }
      return matches(attempt, password, rows[0]?.hash ?? null)
    },
  }
}

interface PersonRow {
  readonly id: string
  readonly roles: Role[]
  readonly passwordHash: string
  readonly mustChangePassword: boolean
}

function actorOfPerson({ id, roles, mustChangePassword }: PersonRow, name: string): Actor {
  return {
    principalId: id,
    kind: 'person',
    name,
    personId: id,
    answerable: [id],
    roles: mustChangePassword ? [] : roles,
    tokenId: null,
    scopes: ['*'],
    mustChangePassword,
  }
}

interface TokenRow {
  readonly id: string
  readonly principalId: string
  readonly ownerId: string
  readonly scopes: string[]
  readonly kind: 'person' | 'robot'
  readonly name: string
  readonly roles: Role[] | null
  readonly mustChangePassword: boolean
}

function actorOfToken({
  id,
  principalId,
  ownerId,
  scopes,
  kind,
  name,
  roles,
  mustChangePassword,
}: TokenRow): Actor {
  return {
    principalId,
    kind,
    name,
    personId: kind === 'person' ? principalId : null,
    answerable: [ownerId],
    // A token that was given less than everything is nobody's administrator.
    roles: scopes.includes('*') && !mustChangePassword ? (roles ?? []) : [],
    tokenId: id,
    scopes,
    mustChangePassword,
  }
}

const BY_NAME = `
  select p.id, p.roles, c.password_hash as "passwordHash", c.must_change as "mustChangePassword"
  from identity i join person p on p.id = i.person_id join credential c on c.person_id = p.id
  where i.issuer = 'local' and i.subject = $1 and p.disabled_at is null`

// Noted once a minute at most: using a token is no reason to write.
const BY_TOKEN = `
  with found as (
    select t.id, t.principal_id, t.owner_id, t.scopes, t.last_used_at, p.kind, coalesce(i.subject, r.name) as name,
      person.roles, t.kind = 'session' and coalesce(c.must_change, false) as must_change
    from token t
    join principal p on p.id = t.principal_id
    join person owner on owner.id = t.owner_id and owner.disabled_at is null
    left join person on person.id = t.principal_id
    left join identity i on i.person_id = person.id and i.issuer = 'local'
    left join credential c on c.person_id = person.id
    left join robot r on r.id = t.principal_id
    where t.secret_hash = $1 and t.kind in ('session', 'api') and t.revoked_at is null and t.expires_at > now()
      and person.disabled_at is null and r.disabled_at is null
    limit 1
  ), used as (
    update token set last_used_at = now() from found
    where token.id = found.id and (found.last_used_at is null or found.last_used_at < now() - interval '1 minute')
  )
  select id, principal_id as "principalId", owner_id as "ownerId", scopes, kind, name, roles,
    must_change as "mustChangePassword" from found`
