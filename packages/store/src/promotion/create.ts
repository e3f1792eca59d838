import { createHash } from 'node:crypto'
import { boundHash, decideCreation, setDigest } from '@sluice/promotion'
import { canonicalJson, type JsonValue } from '@sluice/proof'
import { type Actor, actorOf } from '../actor.ts'
import { appendEntry } from '../audit/entry.ts'
import { StoreError } from '../errors.ts'
import { keepFound } from '../evidence/add.ts'
import type { Attached } from '../evidence/attached.ts'
import { newId } from '../id.ts'
import type { Transaction } from '../transaction.ts'
import { recordGates } from './facts.ts'
import { type Asked, type Prepared, type PreparedItem, prepare } from './prepare.ts'
import { decided } from './refusal.ts'

export interface NewRequest extends Asked {
  /** Per principal, kept 24 hours. */
  readonly idempotencyKey?: string
}

/**
 * Makes a request, or answers the one that is meant: of the same idempotency key, or without a key
 * the identical open one. All that it asks for is fixed here.
 * @throws StoreError idempotency_mismatch, lane_unknown, tag_unknown, digest_unknown, digest_mismatch,
 *   closure_incomplete, tag_exists, foreign_layers, gate_refused, not_admitted, recall_lifted, invalid
 */
export async function createRequest(
  tx: Transaction,
  actor: Actor,
  { idempotencyKey, ...asked }: NewRequest,
  attached?: Attached,
): Promise<{ id: string; created: boolean }> {
  if (idempotencyKey !== undefined) {
    const known = await replay(tx, actor, idempotencyKey, bodyHash(asked))
    if (known !== null) return { id: known, created: false }
  }
  const prepared = await prepare(tx, actor, asked, attached)
  const { lane, tagRules, targets, gates, items } = prepared
  const foreignLayers = items.flatMap(({ frozen }) => frozen.foreignLayers)
  decided(() =>
    decideCreation({
      targets,
      toFeed: { name: lane.to, trusted: lane.toTrusted, tagRules },
      foreignLayers,
      gates,
    }),
  )
  const digest = setDigest(items)
  if (idempotencyKey === undefined) {
    const open = await identicalOpen(tx, actor, prepared, digest)
    if (open !== null) return { id: open, created: false }
  }
  await keepFound(tx, actor, prepared.attached.found)
  const id = await insertRequest(tx, actor, asked, prepared, digest)
  if (idempotencyKey !== undefined) {
    await tx.$executeRaw`insert into idempotency_key (principal_id, key, body_hash, request_id)
      values (${actor.principalId}::uuid, ${idempotencyKey}, ${bodyHash(asked)}, ${id}::uuid)`
  }
  return { id, created: true }
}

/** What the body asks for, however it was written; a field left out and one undefined are the same. */
function bodyHash(asked: Asked): Uint8Array {
  const written: JsonValue = JSON.parse(JSON.stringify(asked))
  return createHash('sha256').update(canonicalJson(written)).digest()
}

/** The request of this key; null when it is new, or older than a day. Holds the key until the end. */
async function replay(tx: Transaction, actor: Actor, key: string, body: Uint8Array): Promise<string | null> {
  await lockName(tx, `idempotency ${actor.principalId} ${key}`)
  await tx.$executeRaw`delete from idempotency_key
    where principal_id = ${actor.principalId}::uuid and key = ${key} and created_at <= now() - interval '24 hours'`
  const [row] = await tx.$queryRaw<{ requestId: string; same: boolean }[]>`
    select request_id as "requestId", body_hash = ${body} as same from idempotency_key
    where principal_id = ${actor.principalId}::uuid and key = ${key}`
  if (row === undefined) return null
  if (row.same) return row.requestId
  throw new StoreError(
    'idempotency_mismatch',
    'this Idempotency-Key was used with another body; use a new key',
  )
}

/** The open request that asks for exactly this, by the same requester under the same policy. */
async function identicalOpen(
  tx: Transaction,
  actor: Actor,
  { lane, kind, recallId, requesterPersons }: Prepared,
  digest: string,
): Promise<string | null> {
  await lockName(tx, `request ${actor.principalId} ${lane.id} ${digest}`)
  const persons = [...requesterPersons]
  const [row] = await tx.$queryRaw<{ id: string }[]>`
    select r.id from request r
    where r.set_digest = ${digest} and r.state in ('PENDING', 'APPROVED') and r.expires_at > now()
      and r.requester_id = ${actor.principalId}::uuid and r.lane_id = ${lane.id}::uuid and r.lane_version = ${lane.version}
      and r.kind = ${kind} and r.recall_id is not distinct from ${recallId}::uuid
      and r.requester_persons @> ${persons}::uuid[] and r.requester_persons <@ ${persons}::uuid[]
      and (r.state = 'PENDING' or exists (
        select from promotion p where p.request_id = r.id and p.state in ('QUEUED', 'RUNNING', 'ERRORED')))
    order by r.created_at desc limit 1`
  return row?.id ?? null
}

/** One at a time among those who name the same thing, until the transaction ends. */
async function lockName(tx: Transaction, name: string): Promise<void> {
  await tx.$executeRaw`select pg_advisory_xact_lock(hashtextextended(${name}, 0))`
}

async function insertRequest(
  tx: Transaction,
  actor: Actor,
  asked: Asked,
  { lane, kind, recallId, requesterPersons, items, gates, facts }: Prepared,
  digest: string,
): Promise<string> {
  const id = newId()
  const bound = boundHash({
    requestId: id,
    laneId: lane.id,
    laneVersion: lane.version,
    policyHash: lane.policyHash,
    setDigest: digest,
    kind,
    recallId,
  })
  const expiresAt = new Date(lane.now.getTime() + lane.policy.requestExpiresAfter.hours * 3_600_000)
  const entryId = await appendEntry(tx, {
    type: 'request.created',
    actor: actorOf(actor),
    subjects: [
      `request:${id}`,
      `lane:${lane.id}`,
      `feed:${lane.fromFeedId}`,
      `feed:${lane.toFeedId}`,
      ...items.map((item) => `digest:${item.digest}`),
      ...(recallId === null ? [] : [`recall:${recallId}`]),
    ],
    payload: {
      kind,
      lane: lane.name,
      laneVersion: lane.version,
      policyHash: lane.policyHash,
      setDigest: digest,
      boundHash: bound,
      expiresAt: expiresAt.toISOString(),
      requesterPersons,
      reason: asked.reason ?? null,
      links: asked.links ?? {},
      items: items.map(described),
    },
  })
  await tx.$executeRaw`
    insert into request (id, kind, recall_id, lane_id, lane_version, state, requester_id, requester_persons, set_digest, bound_hash,
      reason, links, expires_at, entry_id)
    values (${id}::uuid, ${kind}, ${recallId}::uuid, ${lane.id}::uuid, ${lane.version}, 'PENDING', ${actor.principalId}::uuid,
      ${[...requesterPersons]}::uuid[], ${digest}, ${bound}, ${asked.reason ?? null},
      ${JSON.stringify(asked.links ?? {})}::jsonb, ${expiresAt}, ${entryId}::uuid)`
  for (const item of items) await insertItem(tx, id, item)
  await recordGates(tx, id, 'creation', gates, { facts })
  return id
}

function described({ sourceRepository, sourceTag, digest, targetRepository, tags }: PreparedItem): JsonValue {
  return { source: { repository: sourceRepository, tag: sourceTag }, digest, targetRepository, tags }
}

async function insertItem(tx: Transaction, requestId: string, item: PreparedItem): Promise<void> {
  const { position, closure, tags, frozen } = item
  await tx.$executeRaw`
    insert into request_item (request_id, position, source_repository_id, source_tag, digest, media_type, platforms,
      target_repository, manifests, blobs, bytes)
    values (${requestId}::uuid, ${position}, ${item.sourceRepositoryId}::uuid, ${item.sourceTag}, ${item.digest},
      ${item.mediaType}, ${JSON.stringify(frozen.platforms)}::jsonb, ${item.targetRepository}, ${frozen.manifests},
      ${frozen.blobs}, ${frozen.bytes})`
  await tx.$executeRaw`
    insert into request_target (request_id, position, tag, expected_digest)
    select ${requestId}::uuid, ${position}, t.tag, nullif(t.expected, '')
    from unnest(${tags.map(({ tag }) => tag)}::text[], ${tags.map(({ expected }) => expected ?? '')}::text[]) t (tag, expected)`
  await tx.$executeRaw`
    insert into closure_member (request_id, position, digest, kind, media_type, size)
    select ${requestId}::uuid, ${position}, c.digest, c.kind, c.media_type, c.size
    from unnest(${closure.map(({ digest }) => digest)}::text[], ${closure.map(({ kind }) => kind)}::text[],
      ${closure.map(({ mediaType }) => mediaType)}::text[], ${closure.map(({ size }) => String(size))}::bigint[])
      c (digest, kind, media_type, size)`
}
