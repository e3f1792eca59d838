import path from 'node:path'
import { cloneDatabase, testPostgres } from '@sluice/testkit'
import { Client } from 'pg'
import { expect, test } from 'vitest'
import { prepareDatabase } from './index.ts'

const GOLDEN = path.join(import.meta.dirname, '..', '..', '..', 'prisma', 'schema.sql')

const HEAD = `-- What the migrations make, read back from the catalogue: rules and rights included, which schema.prisma
-- cannot say. Never applied: a change of the migrations shows here, to be reviewed. Write it anew with
--   npx vitest run --project pg packages/store/src/schema.pg.test.ts -u
`

test('prisma/schema.sql is what the migrations make', async () => {
  const { ownerUrl, drop } = await cloneDatabase()
  await prepareDatabase({ ownerUrl, passwords: (await testPostgres()).passwords })
  const client = new Client({ connectionString: ownerUrl })
  await client.connect()
  const parts = []
  for (const [title, sql] of Object.entries(CATALOGUE)) {
    const { rows } = await client.query<{ line: string }>(sql)
    parts.push(`-- ── ${title} ──\n\n${rows.map(({ line }) => line).join('\n')}\n`)
  }
  await client.end()
  await drop()
  await expect([HEAD, ...parts].join('\n')).toMatchFileSnapshot(GOLDEN)
})

/** Rights of everybody but the object's owner, as `grantee: right, right`. */
const rights = (acl: string, kind: string, owner: string) => `
  select string_agg(format('%s: %s', grantee, privileges), '; ' order by grantee) from (
    select coalesce(r.rolname, 'public') as grantee, string_agg(lower(a.privilege_type), ', ' order by a.privilege_type) as privileges
    from aclexplode(coalesce(${acl}, acldefault('${kind}', ${owner}))) a left join pg_roles r on r.oid = a.grantee
    where a.grantee <> ${owner} and (a.grantee = 0 or r.rolname like 'sluice_%')
    group by r.rolname) g`

const OURS = `n.nspname in ('public', 'bullmq')`

const CATALOGUE = {
  roles: `
    select format('role %s%s%s%s', rolname, case when rolcanlogin then ' login' end, case when not rolinherit then ' noinherit' end,
      case when rolsuper or rolcreaterole or rolcreatedb or rolreplication or rolbypassrls then ' WITH POWERS' end) as line
    from pg_roles where rolname like 'sluice_%'
    union -- one membership may be granted by several
    select format('member of %s: %s, inherit %s, set %s, admin %s', r.rolname, m.rolname, a.inherit_option, a.set_option, a.admin_option)
    from pg_auth_members a join pg_roles r on r.oid = a.roleid join pg_roles m on m.oid = a.member
    where m.rolname like 'sluice_%' order by 1`,
  'database and schemas': `
    select format('database: %s', coalesce((${rights('d.datacl', 'd', 'd.datdba')}), 'nobody')) as line
    from pg_database d where d.datname = current_database()
    union all
    select format('schema %s of %s: %s', n.nspname, n.nspowner::regrole, coalesce((${rights('n.nspacl', 'n', 'n.nspowner')}), 'nobody'))
    from pg_namespace n where ${OURS} order by 1`,
  tables: `
    with parts as (
      select c.oid, 1 as section, a.attnum::int as position, format('  %s %s%s%s%s%s', a.attname, format_type(a.atttypid, a.atttypmod),
        case when a.attcollation <> t.typcollation then format(' collate %I', l.collname) end,
        case when a.attnotnull then ' not null' end, case a.attidentity when 'a' then ' generated always as identity' when 'd' then ' identity' end,
        ' default ' || pg_get_expr(d.adbin, d.adrelid)) as line
      from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
      join pg_type t on t.oid = a.atttypid left join pg_collation l on l.oid = a.attcollation
      left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
      union all
      select c.conrelid, 2, 0, format('  constraint %s %s', c.conname, pg_get_constraintdef(c.oid)) from pg_constraint c where c.contype not in ('n', 't')
      union all
      select i.indrelid, 3, 0, '  ' || pg_get_indexdef(i.indexrelid) from pg_index i
      where not exists (select from pg_constraint c where c.conindid = i.indexrelid and c.contype in ('p', 'u'))
      union all
      select g.tgrelid, 4, 0, format('  %s (%s)', pg_get_triggerdef(g.oid), case g.tgenabled when 'A' then 'always' when 'O' then 'origin' else 'OFF' end)
      from pg_trigger g where not g.tgisinternal
      union all
      select c.oid, 5, 0, '  rights ' || (${rights('c.relacl', 'r', 'c.relowner')}) from pg_class c
      union all
      select c.oid, 2, 0, '  as ' || pg_get_viewdef(c.oid) from pg_class c where c.relkind = 'v'
      union all
      select a.attrelid, 6, a.attnum, format('  rights on %s %s', a.attname, (${rights('a.attacl', 'c', 'c.relowner')}))
      from pg_attribute a join pg_class c on c.oid = a.attrelid where a.attacl is not null
    )
    select p.line from (
      select c.oid, 0 as section, 0 as position, format(e'%s %s.%s of %s', case c.relkind when 'r' then 'table' else c.relkind::text end, n.nspname, c.relname, c.relowner::regrole) as line
      from pg_class c join pg_namespace n on n.oid = c.relnamespace
      union all select * from parts) p
    join pg_class c on c.oid = p.oid join pg_namespace n on n.oid = c.relnamespace
    where ${OURS} and c.relkind in ('r', 'v', 'm', 'p') and p.line is not null
    order by n.nspname, c.relname collate "C", p.section, p.position, p.line collate "C"`,
  functions: `
    select format(e'%s\\nowner %s; rights %s\\n', pg_get_functiondef(p.oid), p.proowner::regrole, (${rights('p.proacl', 'f', 'p.proowner')})) as line
    from pg_proc p join pg_namespace n on n.oid = p.pronamespace where ${OURS} order by p.proname collate "C"`,
}
