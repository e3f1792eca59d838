import type { RepositoryAddress } from '@sluice/feed'
import { immutableBy, isVirtualTag } from '@sluice/promotion'
import type pg from 'pg'
import { sqlTransaction } from '../transaction.ts'
import { kept, readTagRules } from './tags.ts'

/**
 * Removes the tag, with the move that says so; false when it is not there.
 * @throws FeedError DENIED for a virtual or an immutable tag
 */
export function deleteTag(
  pool: pg.Pool,
  { feed, repository }: RepositoryAddress,
  tag: string,
  principalId: string,
): Promise<boolean> {
  return sqlTransaction(pool, async (client) => {
    const rules = await readTagRules(client, feed.id)
    const { rows } = await client.query<{ id: string; digest: string }>({
      name: 'tag_of',
      text: `select t.repository_id as id, t.digest from repository r join tag t on t.repository_id = r.id
             where r.feed_id = $1 and r.name = $2 and t.name = $3 for update of t`,
      values: [feed.id, repository, tag],
    })
    const held = rows[0]
    if (held === undefined) {
      if (rules.versions === true && isVirtualTag(tag)) {
        throw kept(tag, 'versions: virtual', 'is virtual: the feed itself keeps it on the highest release')
      }
      return false
    }
    const pattern = immutableBy(rules, tag)
    if (pattern !== null) throw immutable(tag, pattern)
    await client.query({
      name: 'tag_delete',
      text: 'delete from tag where repository_id = $1 and name = $2',
      values: [held.id, tag],
    })
    await client.query({
      name: 'tag_forget',
      text: `insert into tag_move (repository_id, tag, from_digest, actor_id) values ($1, $2, $3, $4)`,
      values: [held.id, tag, held.digest, principalId],
    })
    return true
  })
}

/**
 * Removes the manifest from the repository with the tags that point at it; false when it is not there.
 * @throws FeedError DENIED when an immutable tag is on it, or on an index that needs it
 */
export function deleteManifest(
  pool: pg.Pool,
  { feed, repository }: RepositoryAddress,
  digest: string,
  principalId: string,
): Promise<boolean> {
  return sqlTransaction(pool, async (client) => {
    // Locked first: a tag that is being put on it now is either seen below, or finds it gone.
    const { rows } = await client.query<{ id: string }>(
      `select m.repository_id as id from repository r join repository_manifest m on m.repository_id = r.id
       where r.feed_id = $1 and r.name = $2 and m.digest = $3 for update of m`,
      [feed.id, repository, digest],
    )
    if (!rows[0]) return false
    const { id } = rows[0]
    await requireNotImmutable(client, { feedId: feed.id, repositoryId: id, digest })
    await client.query(
      `with gone as (delete from tag where repository_id = $1 and digest = $2 returning name)
       insert into tag_move (repository_id, tag, from_digest, actor_id) select $1, name, $2, $3 from gone order by name`,
      [id, digest, principalId],
    )
    await client.query('delete from repository_manifest where repository_id = $1 and digest = $2', [
      id,
      digest,
    ])
    return true
  })
}

/**
 * Unlinks the blob from the repository; false when it is not there.
 * @throws FeedError DENIED when an image under an immutable tag needs it
 */
export function deleteBlob(
  pool: pg.Pool,
  { feed, repository }: RepositoryAddress,
  digest: string,
): Promise<boolean> {
  return sqlTransaction(pool, async (client) => {
    const { rows } = await client.query<{ id: string }>(
      `select b.repository_id as id from repository r join repository_blob b on b.repository_id = r.id
       where r.feed_id = $1 and r.name = $2 and b.digest = $3 for update of b`,
      [feed.id, repository, digest],
    )
    if (!rows[0]) return false
    const { id } = rows[0]
    await requireNotImmutable(client, { feedId: feed.id, repositoryId: id, digest })
    await client.query('delete from repository_blob where repository_id = $1 and digest = $2', [id, digest])
    return true
  })
}

interface Part {
  readonly feedId: string
  readonly repositoryId: string
  readonly digest: string
}

/** What an immutable tag names stays whole: neither the manifest goes, nor a child, config or layer of it. */
async function requireNotImmutable(
  client: pg.PoolClient,
  { feedId, repositoryId, digest }: Part,
): Promise<void> {
  const rules = await readTagRules(client, feedId)
  if (rules.immutable === undefined || rules.immutable.length === 0) return
  const { rows } = await client.query<{ name: string }>(NEEDED_BY, [repositoryId, digest])
  for (const { name } of rows) {
    const pattern = immutableBy(rules, name)
    if (pattern !== null) throw immutable(name, pattern)
  }
}

// The manifests of this repository that need the digest, itself first, and the tags on them.
const NEEDED_BY = `
  with recursive needing (digest) as (
    select $2::text
    union
    select e.parent_digest from needing n
    join manifest_edge e on e.child_digest = n.digest and e.required
    join repository_manifest m on m.repository_id = $1 and m.digest = e.parent_digest
  )
  select t.name from needing n join tag t on t.repository_id = $1 and t.digest = n.digest`

function immutable(tag: string, pattern: string) {
  return kept(
    tag,
    `immutable: ${pattern}`,
    `is immutable here (${pattern}): it stays, and so does what it needs`,
  )
}
