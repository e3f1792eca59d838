import { isRepositoryName } from '@sluice/oci'
import { refuseTag } from '@sluice/promotion'
import type pg from 'pg'
import { type Actor, actorOf } from '../actor.ts'
import { appendEntrySql } from '../audit/entry.ts'
import { StoreError } from '../errors.ts'
import { moveTag, readTagRules } from '../feed-index/tags.ts'
import { type Connections, sqlTransaction } from '../transaction.ts'

/** Where a tag is to go back to: a digest it was on, or what it was at a time. */
export interface Restore {
  readonly repository: string
  readonly tag: string
  readonly to: { readonly digest: string } | { readonly at: Date }
}

/** The move that was made; `from` equals `to` when the tag was there already. */
export interface Restored {
  readonly tag: string
  readonly from: string | null
  readonly to: string
}

/**
 * Points a tag at a digest that it was on before: a new move, the old ones stay. A trusted feed goes back by a
 * request of its own.
 * @throws StoreError not_found, invalid (not a hosted feed), digest_unknown, trusted_feed, tag_exists, tag_not_permitted
 */
export function restoreTag({ pool }: Connections) {
  return (actor: Actor, feedId: string, { repository, tag, to }: Restore): Promise<Restored> =>
    sqlTransaction(pool, async (client) => {
      const repositoryId = await openRepository(client, feedId, repository)
      const digest = await earlier(client, repositoryId, tag, to)
      const { rows } = await client.query<{ digest: string }>(
        'select digest from tag where repository_id = $1 and name = $2 for update',
        [repositoryId, tag],
      )
      const from = rows[0]?.digest ?? null
      const rules = await readTagRules(client, feedId)
      const outcome = await moveTag(client, {
        repositoryId,
        tag,
        digest,
        principalId: actor.principalId,
        rules,
      })
      if (!outcome.moved && outcome.refusal !== null) {
        const { rule, message } = outcome.refusal
        const code = refuseTag(rules, tag) === null ? 'tag_exists' : 'tag_not_permitted'
        throw new StoreError(code, message, {
          field: 'tag',
          detail: { repository, tag, current: from, asked: digest, rule },
        })
      }
      if (outcome.moved) {
        await appendEntrySql(client, {
          type: 'tag.restored',
          actor: actorOf(actor),
          subjects: [`feed:${feedId}`, `repository:${repositoryId}`, `digest:${digest}`],
          payload: { repository, tag, from, to: digest },
        })
      }
      return { tag, from, to: digest }
    })
}

async function openRepository(client: pg.PoolClient, feedId: string, name: string): Promise<string> {
  const { rows } = await client.query<{ id: string | null; trusted: boolean; kind: string }>(
    `select r.id, f.trusted, f.kind from feed f left join repository r on r.feed_id = f.id and r.name = $2 where f.id = $1`,
    [feedId, isRepositoryName(name) ? name : ''],
  )
  const row = rows[0]
  if (row?.trusted) {
    throw new StoreError(
      'trusted_feed',
      'the tags of a trusted feed move by requests only, back as well as forth',
    )
  }
  if (row !== undefined && row.kind !== 'hosted') {
    const message = `the tags of a ${row.kind} feed move in its own registry`
    throw new StoreError('invalid', message, { field: 'feed' })
  }
  if (row?.id == null) {
    throw new StoreError('not_found', `there is no repository ${JSON.stringify(name)} in this feed`)
  }
  return row.id
}

/** The digest to go back to, held in the repository until the end of the transaction. */
async function earlier(
  client: pg.PoolClient,
  repositoryId: string,
  tag: string,
  to: Restore['to'],
): Promise<string> {
  const { rows } =
    'at' in to
      ? await client.query<{ digest: string | null }>(
          `select to_digest as digest from tag_move where repository_id = $1 and tag = $2 and at <= $3
           order by id desc limit 1`,
          [repositoryId, tag, to.at],
        )
      : await client.query<{ digest: string | null }>(
          `select to_digest as digest from tag_move where repository_id = $1 and tag = $2 and to_digest = $3 limit 1`,
          [repositoryId, tag, to.digest],
        )
  const digest = rows[0]?.digest ?? null
  const field = 'at' in to ? 'at' : 'digest'
  if (digest === null) {
    const when = 'at' in to ? `was not there at ${to.at.toISOString()}` : `was never on ${to.digest}`
    throw new StoreError('digest_unknown', `the tag ${JSON.stringify(tag)} ${when}`, { field })
  }
  const held = await client.query(
    'select from repository_manifest where repository_id = $1 and digest = $2 for key share',
    [repositoryId, digest],
  )
  if (held.rowCount === 1) return digest
  throw new StoreError('digest_unknown', `${digest} is no longer in this repository; push it again`, {
    field,
  })
}
