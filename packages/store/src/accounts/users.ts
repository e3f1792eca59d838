import type { JsonObject } from '@sluice/proof'
import { type Actor, actorOf, type Role } from '../actor.ts'
import { appendEntry } from '../audit/entry.ts'
import { StoreError } from '../errors.ts'
import { newId } from '../id.ts'
import { afterName, type Page, type Paged, paged } from '../page.ts'
import { type Connections, type Transaction, transaction } from '../transaction.ts'
import { isName, requireFreeSignInName, requireName, requireText } from './names.ts'
import { generatePassword, hashPassword, requirePassword } from './password.ts'

export interface User {
  readonly id: string
  readonly username: string
  readonly displayName: string
  readonly roles: readonly Role[]
  /** Names, sorted. */
  readonly groups: readonly string[]
  readonly disabled: boolean
  readonly mustChangePassword: boolean
  readonly createdAt: Date
}

export interface NewUser {
  readonly username: string
  readonly password?: string | undefined
  readonly displayName?: string | undefined
  readonly roles?: readonly Role[] | undefined
  readonly groups?: readonly string[] | undefined
  /** Default: true when the password is generated. */
  readonly mustChangePassword?: boolean | undefined
}

export interface UserChange extends Omit<NewUser, 'username'> {
  readonly disabled?: boolean | undefined
}

export function users({ prisma, pool }: Connections) {
  async function find(name: string): Promise<User> {
    const { rows } = await pool.query<User>(`${SELECT} where i.subject = $1`, [isName(name) ? name : ''])
    if (!rows[0]) throw new StoreError('not_found', `there is no user ${JSON.stringify(name)}`)
    return rows[0]
  }

  async function patch(actor: Actor, name: string, change: UserChange): Promise<User> {
    if (change.displayName !== undefined) requireText(change.displayName, 'displayName')
    if (change.password !== undefined) requirePassword(change.password, 'password')
    const hash = change.password === undefined ? null : await hashPassword(change.password)
    await transaction(prisma, async (tx) => {
      const { id } = await lockUser(tx, name)
      const { displayName, roles, groups, disabled, mustChangePassword } = change
      if (displayName !== undefined) await tx.person.update({ where: { id }, data: { displayName } })
      if (roles) await tx.person.update({ where: { id }, data: { roles: [...new Set(roles)] } })
      if (disabled !== undefined) {
        await tx.$executeRaw`update person set disabled_at = case when ${disabled} then coalesce(disabled_at, now()) end where id = ${id}::uuid`
      }
      if (groups) await putGroups(tx, id, groups)
      if (hash !== null)
        await putPassword(tx, { id, hash, mustChange: mustChangePassword ?? false, setBy: actor })
      else if (mustChangePassword !== undefined) {
        await tx.credential.updateMany({ where: { personId: id }, data: { mustChange: mustChangePassword } })
      }
      if (roles || disabled) await requireAdmin(tx)
      const { password: _, ...payload } = change
      await appendEntry(tx, {
        type: disabled ? 'user.disabled' : 'user.changed',
        actor: actorOf(actor),
        subjects: [`person:${id}`],
        payload: { username: name, ...plain(payload), passwordSet: hash !== null },
      })
    })
    return find(name)
  }

  return {
    async list({ limit, after }: Page): Promise<Paged<User>> {
      const { rows } = await pool.query<User>(
        `${SELECT} where i.subject collate "C" > $1 order by i.subject collate "C" limit $2`,
        [afterName(after), limit + 1],
      )
      return paged(rows, limit, ({ username }) => username)
    },

    /** @throws StoreError not_found */
    get: find,

    /**
     * Answers the password as well when it was generated: it is stored nowhere.
     * @throws StoreError invalid, name_taken
     */
    async create(actor: Actor, user: NewUser): Promise<{ user: User; password: string | null }> {
      requireName(user.username, 'username')
      if (user.displayName !== undefined) requireText(user.displayName, 'displayName')
      if (user.password !== undefined) requirePassword(user.password, 'password')
      const generated = user.password === undefined ? generatePassword() : null
      const hash = await hashPassword(user.password ?? generated!)
      await transaction(prisma, async (tx) => {
        const id = await insertPerson(tx, user)
        await putPassword(tx, {
          id,
          hash,
          mustChange: user.mustChangePassword ?? generated !== null,
          setBy: actor,
        })
        await putGroups(tx, id, user.groups ?? [])
        const { password: _, ...payload } = user
        await appendEntry(tx, {
          type: 'user.created',
          actor: actorOf(actor),
          subjects: [`person:${id}`],
          payload: plain(payload),
        })
      })
      return { user: await find(user.username), password: generated }
    },

    /** A password is set for good until changed; `setBy` cannot have it approve own requests. @throws StoreError */
    patch,

    /** Disables the person, whose decisions stay on record. @throws StoreError not_found, last_admin */
    remove: async (actor: Actor, name: string): Promise<void> =>
      void (await patch(actor, name, { disabled: true })),

    /** Ends every session but the one it is done in. The caller has checked the current password. */
    setOwnPassword: async (actor: Actor, next: string): Promise<void> => {
      requirePassword(next, 'next')
      const hash = await hashPassword(next)
      await transaction(prisma, async (tx) => {
        await putPassword(tx, { id: actor.principalId, hash, mustChange: false, setBy: actor })
        const subjects = [`person:${actor.principalId}`]
        await appendEntry(tx, { type: 'password.changed', actor: actorOf(actor), subjects, payload: {} })
      })
    },
  }
}

const SELECT = `
  select p.id, i.subject as username, p.display_name as "displayName", p.roles,
    array(select g.name from group_member m join user_group g on g.id = m.group_id
          where m.person_id = p.id order by g.name collate "C") as groups,
    p.disabled_at is not null as disabled, coalesce(c.must_change, false) as "mustChangePassword",
    p.created_at as "createdAt"
  from person p
  join identity i on i.person_id = p.id and i.issuer = 'local'
  left join credential c on c.person_id = p.id`

/** JSON without the fields that were not given. */
function plain(fields: object): JsonObject {
  return JSON.parse(JSON.stringify(fields))
}

/** A person who signs in here by this name. @throws StoreError name_taken */
export async function insertPerson(tx: Transaction, user: NewUser): Promise<string> {
  await requireFreeSignInName(tx, user.username, 'username')
  const id = newId()
  await tx.principal.create({ data: { id, kind: 'person' } })
  await tx.person.create({
    data: { id, displayName: user.displayName ?? user.username, roles: [...new Set(user.roles ?? [])] },
  })
  await tx.identity.create({ data: { id: newId(), personId: id, issuer: 'local', subject: user.username } })
  return id
}

/** Replaces the password and ends the person's sessions but the one that asks. */
async function putPassword(
  tx: Transaction,
  { id, hash, mustChange, setBy }: { id: string; hash: string; mustChange: boolean; setBy: Actor },
): Promise<void> {
  const setter = setBy.personId ?? setBy.answerable[0]!
  const fields = { passwordHash: hash, mustChange, setBy: setter, setAt: new Date() }
  await tx.credential.upsert({ where: { personId: id }, create: { personId: id, ...fields }, update: fields })
  await tx.$executeRaw`update token set revoked_at = now()
    where principal_id = ${id}::uuid and kind = 'session' and revoked_at is null and id is distinct from ${setBy.tokenId}::uuid`
}

async function putGroups(tx: Transaction, personId: string, names: readonly string[]): Promise<void> {
  const groups = await tx.userGroup.findMany({ where: { name: { in: names.filter(isName) } } })
  const missing = names.find((name) => !groups.some((group) => group.name === name))
  if (missing !== undefined) {
    throw new StoreError('invalid', `there is no group ${JSON.stringify(missing)}; create it first`, {
      field: 'groups',
    })
  }
  await tx.groupMember.deleteMany({ where: { personId } })
  await tx.groupMember.createMany({ data: groups.map(({ id }) => ({ groupId: id, personId })) })
}

async function lockUser(tx: Transaction, name: string): Promise<{ id: string }> {
  const [person] = await tx.$queryRaw<{ id: string }[]>`
    select p.id from person p join identity i on i.person_id = p.id
    where i.issuer = 'local' and i.subject = ${isName(name) ? name : ''} for update of p`
  if (!person) throw new StoreError('not_found', `there is no user ${JSON.stringify(name)}`)
  return person
}

/** Somebody must be left who can undo it. */
async function requireAdmin(tx: Transaction): Promise<void> {
  await tx.$executeRaw`select pg_advisory_xact_lock(hashtextextended('sluice admins', 0))`
  const left = await tx.person.count({ where: { roles: { has: 'admin' }, disabledAt: null } })
  if (left === 0) throw new StoreError('last_admin', 'this is the last administrator; name another one first')
}
