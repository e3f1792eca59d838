import { type PgQueryable, runMigrations } from 'bullmq'
import { type ClientBase, DatabaseError } from 'pg'
import { WorkerError } from '../errors.ts'

export const QUEUE_SCHEMA = 'bullmq'
/** Owns the schema and reaches nothing else. */
export const QUEUE_ROLE = 'sluice_queue'

const lock = 'select pg_advisory_lock(hashtext($1))'

/**
 * Makes BullMQ's tables and functions in their schema, or brings them up to date. What is damaged is dropped and
 * made anew, jobs included: the queue is disposable (invariant 6). Safe to repeat, and from several processes at
 * once; the client keeps a lock until it is closed.
 * @throws WorkerError queue_schema_missing; errors of Postgres
 */
export async function prepareSchema(client: ClientBase): Promise<void> {
  const { rows } = await client.query<{ there: boolean }>('select to_regnamespace($1) is not null as there', [
    QUEUE_SCHEMA,
  ])
  if (rows[0]?.there !== true) {
    throw new WorkerError(
      'queue_schema_missing',
      `the database lacks the schema ${QUEUE_SCHEMA}; start Sluice once with the owner's URL (SLUICE_MIGRATE_DATABASE_URL)`,
    )
  }
  await client.query(lock, [`${QUEUE_SCHEMA} schema`])
  if (!(await isWhole(client)) || !(await migrated(client))) {
    await client.query(DROP_ALL)
    await migrate(client)
  }
  await client.query(SIGN)
}

/** Whether nothing is missing that was there when the schema was signed. */
async function isWhole(client: ClientBase): Promise<boolean> {
  const { rows } = await client.query<{ whole: boolean }>(
    `select obj_description($1::regnamespace, 'pg_namespace') is not distinct from (${FINGERPRINT}) as whole`,
    [QUEUE_SCHEMA],
  )
  return rows[0]?.whole === true
}

/** False where the tables are not what BullMQ's record of migrations says. */
async function migrated(client: ClientBase): Promise<boolean> {
  try {
    await migrate(client)
    return true
  } catch (error) {
    // Class 42: an object exists already, or does not exist.
    if (error instanceof DatabaseError && error.code?.startsWith('42')) return false
    throw error
  }
}

async function migrate(client: ClientBase): Promise<void> {
  const asked: PgQueryable = client
  await runMigrations(
    {
      // "if not exists" asks for the right to create schemas in the database even when there is one.
      query: async <R>(text: string, values?: readonly unknown[]) =>
        text.startsWith('CREATE SCHEMA') ? { rows: [] as R[] } : asked.query<R>(text, values),
    },
    QUEUE_SCHEMA,
  )
}

/** A hash over everything in the schema, as the catalogue shows it. */
const FINGERPRINT = `
  select md5(string_agg(line, e'\\n' order by line collate "C")) from (
    select format('relation %s %s', relkind, relname) as line from pg_class
      where relnamespace = '${QUEUE_SCHEMA}'::regnamespace
    union all
    select format('column %s %s %s %s', relname, attname, format_type(atttypid, atttypmod), atthasdef)
      from pg_attribute join pg_class c on c.oid = attrelid
      where relnamespace = '${QUEUE_SCHEMA}'::regnamespace and attnum > 0 and not attisdropped
    union all
    select format('constraint %s %s', conname, pg_get_constraintdef(oid)) from pg_constraint
      where connamespace = '${QUEUE_SCHEMA}'::regnamespace
    union all
    select format('function %s %s %s', proname, pg_get_function_identity_arguments(oid), md5(prosrc)) from pg_proc
      where pronamespace = '${QUEUE_SCHEMA}'::regnamespace
    union all
    select format('type %s', typname) from pg_type where typnamespace = '${QUEUE_SCHEMA}'::regnamespace
  ) object (line)`

/** The schema's comment outlives its tables. */
const SIGN = `do $$ begin
  execute format('comment on schema ${QUEUE_SCHEMA} is %L', (${FINGERPRINT}));
end $$`

const DROP_ALL = `do $$
declare object record;
begin
  for object in
    select 1 as rank, format('drop table if exists ${QUEUE_SCHEMA}.%I cascade', relname) as statement from pg_class
      where relnamespace = '${QUEUE_SCHEMA}'::regnamespace and relkind in ('r', 'p')
    union all
    select 2, format('drop sequence if exists ${QUEUE_SCHEMA}.%I cascade', relname) from pg_class
      where relnamespace = '${QUEUE_SCHEMA}'::regnamespace and relkind = 'S'
    union all
    select 3, format('drop routine if exists %s cascade', oid::regprocedure) from pg_proc
      where pronamespace = '${QUEUE_SCHEMA}'::regnamespace
    union all
    select 4, format('drop type if exists ${QUEUE_SCHEMA}.%I cascade', typname) from pg_type
      where typnamespace = '${QUEUE_SCHEMA}'::regnamespace and typtype in ('e', 'd')
    order by rank
  loop
    execute object.statement;
  end loop;
end $$`
