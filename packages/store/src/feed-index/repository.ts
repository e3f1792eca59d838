import type pg from 'pg'
import { newId } from '../id.ts'

/** The repository's id, made when this is the first that the feed hears of it. */
export async function enterRepository(
  client: pg.PoolClient,
  { feed, repository }: { readonly feed: { readonly id: string }; readonly repository: string },
): Promise<string> {
  const find = { name: 'repository_find', text: FIND, values: [feed.id, repository] }
  const known = (await client.query<{ id: string }>(find)).rows[0]
  if (known) return known.id
  await client.query(
    'insert into repository (id, feed_id, name) values ($1, $2, $3) on conflict do nothing',
    [newId(), feed.id, repository],
  )
  // A statement of its own: it sees the row that another transaction put there meanwhile.
  return (await client.query<{ id: string }>(find)).rows[0]!.id
}

const FIND = 'select id from repository where feed_id = $1 and name = $2'
