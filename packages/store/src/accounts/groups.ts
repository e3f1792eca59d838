import { type Actor, actorOf } from '../actor.ts'
import { appendEntry } from '../audit/entry.ts'
import { StoreError } from '../errors.ts'
import { newId } from '../id.ts'
import { afterName, type Page, type Paged, paged } from '../page.ts'
import { type Connections, type Transaction, transaction } from '../transaction.ts'
import { isName, requireName } from './names.ts'

export interface Group {
  readonly id: string
  readonly name: string
  /** User names, sorted. */
  readonly members: readonly string[]
  readonly createdAt: Date
}

export function groups({ prisma, pool }: Connections) {
  async function find(name: string): Promise<Group> {
    const { rows } = await pool.query<Group>(`${SELECT} where g.name = $1`, [isName(name) ? name : ''])
    if (!rows[0]) throw missing(name)
    return rows[0]
  }

  return {
    async list({ limit, after }: Page): Promise<Paged<Group>> {
      const { rows } = await pool.query<Group>(
        `${SELECT} where g.name collate "C" > $1 order by g.name collate "C" limit $2`,
        [afterName(after), limit + 1],
      )
      return paged(rows, limit, ({ name }) => name)
    },

    /** @throws StoreError not_found */
    get: find,

    /** @throws StoreError invalid, name_taken */
    async create(
      actor: Actor,
      { name, members = [] }: { name: string; members?: readonly string[] | undefined },
    ): Promise<Group> {
      requireName(name, 'name')
      await transaction(prisma, async (tx) => {
        await tx.$executeRaw`select pg_advisory_xact_lock(hashtextextended(${`group ${name}`}, 0))`
        if (await tx.userGroup.findUnique({ where: { name } })) {
          throw new StoreError('name_taken', `there is a group ${name} already`, { field: 'name' })
        }
        const id = newId()
        await tx.principal.create({ data: { id, kind: 'group' } })
        await tx.userGroup.create({ data: { id, name } })
        await putMembers(tx, id, members)
        await remember(tx, actor, 'group.created', { id, name, members })
      })
      return find(name)
    },

    /** Replaces the members. @throws StoreError invalid, not_found */
    async patch(actor: Actor, name: string, { members }: { members: readonly string[] }): Promise<Group> {
      await transaction(prisma, async (tx) => {
        const id = await lockGroup(tx, name)
        await putMembers(tx, id, members)
        await remember(tx, actor, 'group.changed', { id, name, members })
      })
      return find(name)
    },

    /** Ends its grants and its reporting too. @throws StoreError not_found */
    remove(actor: Actor, name: string): Promise<void> {
      return transaction(prisma, async (tx) => {
        const id = await lockGroup(tx, name)
        await tx.accessGrant.deleteMany({ where: { principalId: id } })
        await tx.siteReporter.deleteMany({ where: { principalId: id } })
        await tx.userGroup.delete({ where: { id } })
        await remember(tx, actor, 'group.removed', { id, name, members: [] })
      })
    },
  }
}

const SELECT = `
  select g.id, g.name, g.created_at as "createdAt",
    array(select i.subject from group_member m join identity i on i.person_id = m.person_id and i.issuer = 'local'
          where m.group_id = g.id order by i.subject collate "C") as members
  from user_group g`

async function lockGroup(tx: Transaction, name: string): Promise<string> {
  const [group] = await tx.$queryRaw<
    { id: string }[]
  >`select id from user_group where name = ${isName(name) ? name : ''} for update`
  if (!group) throw missing(name)
  return group.id
}

async function putMembers(tx: Transaction, groupId: string, names: readonly string[]): Promise<void> {
  const persons = await tx.identity.findMany({
    where: { issuer: 'local', subject: { in: names.filter(isName) } },
  })
  const at = names.findIndex((name) => !persons.some(({ subject }) => subject === name))
  if (at >= 0) {
    throw new StoreError('invalid', `there is no user ${JSON.stringify(names[at])}`, {
      field: `members[${at}]`,
    })
  }
  // Who stays keeps the time of joining: a membership counts for requests that are younger.
  const personIds = persons.map(({ personId }) => personId)
  await tx.groupMember.deleteMany({ where: { groupId, personId: { notIn: personIds } } })
  await tx.groupMember.createMany({
    data: personIds.map((personId) => ({ groupId, personId })),
    skipDuplicates: true,
  })
}

async function remember(
  tx: Transaction,
  actor: Actor,
  type: string,
  { id, name, members }: { id: string; name: string; members: readonly string[] },
): Promise<void> {
  await appendEntry(tx, {
    type,
    actor: actorOf(actor),
    subjects: [`group:${id}`],
    payload: { name, members },
  })
}

function missing(name: string): StoreError {
  return new StoreError('not_found', `there is no group ${JSON.stringify(name)}`)
}
