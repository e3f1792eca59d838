import type { ManifestPush, RepositoryAddress, TagOutcome } from '@sluice/feed'
import { immutableBy, parseTagRules, type TagRules } from '@sluice/promotion'
import type pg from 'pg'
import { sqlTransaction } from '../transaction.ts'

/** Points the tags at the digest, each unless the feed's rules keep it where it is. */
export async function moveTags(
  client: pg.PoolClient,
  repositoryId: string,
  { address, tags, digest, principalId }: ManifestPush,
): Promise<readonly TagOutcome[]> {
  if (tags.length === 0) return []
  const { rows } = await client.query<{ rules: unknown }>({
    name: 'tag_rules',
    text: 'select tag_rules as rules from feed where id = $1',
    values: [address.feed.id],
  })
  const rules = parseTagRules(rows[0]?.rules)
  const outcomes = new Map<string, TagOutcome>()
  // In one order for all, so that two pushes never wait for each other.
  for (const tag of [...new Set(tags)].sort()) {
    outcomes.set(tag, await moveTag(client, { repositoryId, tag, digest, principalId, rules }))
  }
  return tags.map((tag) => outcomes.get(tag)!)
}

interface Move {
  readonly repositoryId: string
  readonly tag: string
  readonly digest: string
  readonly principalId: string
  readonly rules: TagRules
}

async function moveTag(client: pg.PoolClient, move: Move): Promise<TagOutcome> {
  const { repositoryId, tag, digest } = move
  const taken = await client.query({ name: 'tag_take', text: TAKE, values: [repositoryId, tag, digest] })
  if (taken.rowCount === 1) return moved(client, move, null)
  const held = await client.query<{ digest: string }>({
    name: 'tag_hold',
    text: HOLD,
    values: [repositoryId, tag],
  })
  const from = held.rows[0]?.digest
  // Deleted between the two statements: it can be taken now.
  if (from === undefined) return moveTag(client, move)
  if (from === digest) return { tag, moved: false, refusal: null }
  const pattern = immutableBy(move.rules, tag)
  if (pattern !== null) {
    return {
      tag,
      moved: false,
      refusal: {
        rule: `immutable: ${pattern}`,
        message: `the tag ${tag} is immutable here and points at ${from}, not at ${digest}; push under another tag`,
      },
    }
  }
  await client.query({ name: 'tag_move', text: MOVE, values: [repositoryId, tag, digest] })
  return moved(client, move, from)
}

const TAKE = 'insert into tag (repository_id, name, digest) values ($1, $2, $3) on conflict do nothing'
const HOLD = 'select digest from tag where repository_id = $1 and name = $2 for update'
const MOVE = 'update tag set digest = $3, moved_at = now() where repository_id = $1 and name = $2'
const REMEMBER = `insert into tag_move (repository_id, tag, from_digest, to_digest, actor_id) values ($1, $2, $3, $4, $5)`

async function moved(client: pg.PoolClient, move: Move, from: string | null): Promise<TagOutcome> {
  const values = [move.repositoryId, move.tag, from, move.digest, move.principalId]
  await client.query({ name: 'tag_remember', text: REMEMBER, values })
  return { tag: move.tag, moved: true }
}

/** Removes the tag, with the move that says so; false when it is not there. */
export async function deleteTag(
  pool: pg.Pool,
  { feed, repository }: RepositoryAddress,
  tag: string,
  principalId: string,
): Promise<boolean> {
  const { rowCount } = await pool.query({
    name: 'tag_delete',
    text: `with gone as (
             delete from tag t using repository r
             where r.feed_id = $1 and r.name = $2 and t.repository_id = r.id and t.name = $3
             returning t.repository_id, t.name, t.digest)
           insert into tag_move (repository_id, tag, from_digest, actor_id)
           select repository_id, name, digest, $4 from gone`,
    values: [feed.id, repository, tag, principalId],
  })
  return rowCount === 1
}

/** Removes the manifest from the repository with the tags that point at it; false when it is not there. */
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
