import {
  FeedError,
  type ManifestPush,
  requireCondition,
  type TagCondition,
  type TagOutcome,
} from '@sluice/feed'
import { immutableBy, parseTagRules, refuseTag, type TagRules } from '@sluice/promotion'
import type pg from 'pg'

/** Points the tags at the digest, each unless the feed's rules keep it where it is. */
export async function moveTags(
  client: pg.PoolClient,
  repositoryId: string,
  { address, tags, digest, principalId, condition }: ManifestPush,
): Promise<readonly TagOutcome[]> {
  if (tags.length === 0) return []
  const rules = await readTagRules(client, address.feed.id)
  const outcomes = new Map<string, TagOutcome>()
  // In one order for all, so that two pushes never wait for each other.
  for (const tag of [...new Set(tags)].sort()) {
    const move = {
      repositoryId,
      tag,
      digest,
      principalId,
      rules,
      ...(condition !== undefined && { condition }),
    }
    outcomes.set(tag, await moveTag(client, move))
  }
  return tags.map((tag) => outcomes.get(tag)!)
}

export async function readTagRules(client: pg.PoolClient, feedId: string): Promise<TagRules> {
  const { rows } = await client.query<{ rules: unknown }>({
    name: 'tag_rules',
    text: 'select tag_rules as rules from feed where id = $1',
    values: [feedId],
  })
  return parseTagRules(rows[0]?.rules ?? {})
}

export interface TagMove {
  readonly repositoryId: string
  readonly tag: string
  readonly digest: string
  readonly principalId: string
  readonly rules: TagRules
  readonly condition?: TagCondition
}

/** One tag's move with the row that remembers it. @throws FeedError DENIED, 412: it is not what `condition` says */
export async function moveTag(client: pg.PoolClient, move: TagMove): Promise<TagOutcome> {
  const { repositoryId, tag, digest, condition, rules } = move
  const unfit = refuseTag(rules, tag)
  if (unfit === null && (condition === undefined || condition === 'absent')) {
    const taken = await client.query({ name: 'tag_take', text: TAKE, values: [repositoryId, tag, digest] })
    if (taken.rowCount === 1) return moved(client, move, null)
  }
  const held = await client.query<{ digest: string }>({
    name: 'tag_hold',
    text: HOLD,
    values: [repositoryId, tag],
  })
  const from = held.rows[0]?.digest ?? null
  requireCondition(condition, tag, from)
  if (from === digest) return { tag, moved: false, refusal: null }
  // What is there from before the rule may stay, and move no more.
  if (unfit !== null) return { tag, moved: false, refusal: unfit }
  // Deleted between the two statements: it can be taken now.
  if (from === null) return moveTag(client, move)
  const pattern = immutableBy(rules, tag)
  if (pattern !== null) {
    const message = `the tag ${tag} is immutable here and points at ${from}, not at ${digest}; push under another tag`
    return { tag, moved: false, refusal: { rule: `immutable: ${pattern}`, message } }
  }
  await client.query({ name: 'tag_move', text: MOVE, values: [repositoryId, tag, digest] })
  return moved(client, move, from)
}

const TAKE = 'insert into tag (repository_id, name, digest) values ($1, $2, $3) on conflict do nothing'
const HOLD = 'select digest from tag where repository_id = $1 and name = $2 for update'
const MOVE = 'update tag set digest = $3, moved_at = now() where repository_id = $1 and name = $2'
const REMEMBER = `insert into tag_move (repository_id, tag, from_digest, to_digest, actor_id) values ($1, $2, $3, $4, $5)`

async function moved(client: pg.PoolClient, move: TagMove, from: string | null): Promise<TagOutcome> {
  const values = [move.repositoryId, move.tag, from, move.digest, move.principalId]
  await client.query({ name: 'tag_remember', text: REMEMBER, values })
  return { tag: move.tag, moved: true }
}

/** A tag that a rule keeps, and why it cannot be removed. */
export function kept(tag: string, rule: string, why: string): FeedError {
  return new FeedError('DENIED', `the tag ${tag} ${why}`, { detail: { tag, rule } })
}
