import type { Transaction } from '../transaction.ts'

/** Principals as people name them: a person by user name, a robot as `robot:name`. */
export async function principalNames(
  tx: Transaction,
  ids: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const rows = await tx.$queryRaw<{ id: string; name: string }[]>`
    select p.id, coalesce((select i.subject from identity i where i.person_id = p.id
      order by i.issuer <> 'local', i.created_at, i.id limit 1), p.display_name) as name
    from person p where p.id = any (${[...new Set(ids)]}::uuid[])
    union all
    select r.id, 'robot:' || r.name from robot r where r.id = any (${[...new Set(ids)]}::uuid[])`
  return new Map(rows.map(({ id, name }) => [id, name]))
}

/** The principal that is named so, with or without its kind; null when there is none. */
export async function principalNamed(tx: Transaction, name: string): Promise<string | null> {
  const bare = name.replace(/^(?:user|robot):/, '')
  const [row] = await tx.$queryRaw<{ id: string }[]>`
    select person_id as id from identity where not ${name.startsWith('robot:')} and issuer = 'local' and subject = ${bare}
    union all
    select id from robot where not ${name.startsWith('user:')} and name = ${bare} limit 1`
  return row?.id ?? null
}
