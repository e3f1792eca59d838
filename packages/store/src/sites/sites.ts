import { requireName } from '../accounts/names.ts'
import { type Actor, actorOf } from '../actor.ts'
import { appendEntry } from '../audit/entry.ts'
import { StoreError } from '../errors.ts'
import { principalId } from '../feeds/grants.ts'
import { newId } from '../id.ts'
import { type Connections, type Transaction, transaction } from '../transaction.ts'

export interface NewSite {
  readonly name: string
  /** `user:x`, `group:x` or `robot:x`: who may report, and read the whole report. */
  readonly reporters?: readonly string[] | undefined
  /** Hours without a report until it is stale; 24 unless said. */
  readonly staleAfterHours?: number | undefined
}

export type SiteChange = Omit<NewSite, 'name'>

/** Sites as they are configured: made, changed and deleted by an administrator, each with its entry. */
export function siteSettings({ prisma, pool }: Connections) {
  return {
    /** The sites that the actor reports for, as far as its token's scopes go. */
    async reporting(actor: Actor): Promise<readonly { readonly id: string; readonly name: string }[]> {
      const { principalId: id, personId, scopes, mustChangePassword } = actor
      if (mustChangePassword) return []
      const { rows } = await pool.query<{ id: string; name: string }>(
        `select distinct s.id, s.name from site_reporter r join site s on s.id = r.site_id and s.deleted_at is null
         where (r.principal_id = $1 or r.principal_id in (select m.group_id from group_member m where m.person_id = $2))
           and ($3::boolean or 'report:' || s.id = any ($4))`,
        [id, personId, scopes.includes('*'), scopes],
      )
      return rows
    },

    /** @throws StoreError invalid, name_taken */
    async create(actor: Actor, { name, reporters = [], staleAfterHours = 24 }: NewSite): Promise<void> {
      requireName(name, 'name')
      await transaction(prisma, async (tx) => {
        await tx.$executeRaw`select pg_advisory_xact_lock(hashtextextended(${`site ${name}`}, 0))`
        if (await tx.site.findFirst({ where: { name, deletedAt: null } })) {
          throw new StoreError('name_taken', `there is a site ${name} already`, { field: 'name' })
        }
        const id = newId()
        await tx.site.create({ data: { id, name, staleHours: staleAfterHours } })
        await putReporters(tx, id, reporters)
        await remember(tx, actor, 'site.created', id, { name, reporters, staleAfterHours })
      })
    },

    /** @throws StoreError not_found, invalid */
    async patch(actor: Actor, name: string, { reporters, staleAfterHours }: SiteChange): Promise<void> {
      await transaction(prisma, async (tx) => {
        const { id } = await lockSite(tx, name)
        if (staleAfterHours !== undefined) {
          await tx.site.update({ where: { id }, data: { staleHours: staleAfterHours } })
        }
        if (reporters !== undefined) await putReporters(tx, id, reporters)
        const changed = {
          ...(reporters !== undefined && { reporters }),
          ...(staleAfterHours !== undefined && { staleAfterHours }),
        }
        await remember(tx, actor, 'site.changed', id, { name, ...changed })
      })
    },

    /** What it reported ends, and with it what it kept from retention. @throws StoreError not_found */
    remove(actor: Actor, name: string): Promise<void> {
      return transaction(prisma, async (tx) => {
        const { id } = await lockSite(tx, name)
        const ended = await tx.$executeRaw`
          update running_image set ended_at = now() where site_id = ${id}::uuid and ended_at is null`
        await tx.siteReporter.deleteMany({ where: { siteId: id } })
        await tx.site.update({ where: { id }, data: { deletedAt: new Date() } })
        await remember(tx, actor, 'site.removed', id, { name, ended })
      })
    },
  }
}

export function missing(name: string): StoreError {
  return new StoreError('not_found', `there is no site ${JSON.stringify(name)}`)
}

async function lockSite(tx: Transaction, name: string): Promise<{ id: string }> {
  const [site] = await tx.$queryRaw<{ id: string }[]>`
    select id from site where name = ${name} and deleted_at is null for update`
  if (site === undefined) throw missing(name)
  return site
}

async function putReporters(tx: Transaction, siteId: string, principals: readonly string[]): Promise<void> {
  const ids = new Set<string>()
  for (const [at, principal] of principals.entries()) {
    const field = `reporters[${at}]`
    if (principal === '*') {
      throw new StoreError('invalid', 'a reporter is user:x, group:x or robot:x, and not everybody', {
        field,
      })
    }
    ids.add(await principalId(tx, principal, field))
  }
  await tx.siteReporter.deleteMany({ where: { siteId } })
  await tx.siteReporter.createMany({ data: [...ids].map((id) => ({ siteId, principalId: id })) })
}

async function remember(
  tx: Transaction,
  actor: Actor,
  type: string,
  siteId: string,
  payload: object,
): Promise<void> {
  await appendEntry(tx, {
    type,
    actor: actorOf(actor),
    subjects: [`site:${siteId}`],
    payload: JSON.parse(JSON.stringify(payload)),
  })
}
