import { createHash } from 'node:crypto'
import { EVIDENCE_LIMIT, type Policy, readEvidence } from '@sluice/promotion'
import { type Actor, actorOf } from '../actor.ts'
import { appendEntry } from '../audit/entry.ts'
import { StoreError } from '../errors.ts'
import { newId } from '../id.ts'
import { decided } from '../promotion/refusal.ts'
import type { Transaction } from '../transaction.ts'
import type { FoundEvidence } from './attached.ts'
import { type SignedRow, signersOf } from './signers.ts'

export interface NewEvidence {
  readonly bytes: Uint8Array
  /** The image it is about; needed where the evidence itself names none, or several that are known. */
  readonly digest?: string
  /** What the sender takes it for, a type or a format; refused when it is something else. */
  readonly type?: string
  /** The feeds whose images the sender may speak about. */
  readonly feedIds: readonly string[]
}

/** Of one digest by one sender. */
const PER_SENDER = 200

/**
 * Reads and stores evidence; what the same sender sent before is answered as it is.
 * @throws StoreError invalid (field `content`, `digest`, `type`), digest_unknown, digest_mismatch
 */
export async function addEvidence(tx: Transaction, actor: Actor, given: NewEvidence) {
  const { bytes, type, feedIds } = given
  if (bytes.length > EVIDENCE_LIMIT) {
    throw new StoreError('invalid', `evidence has at most ${EVIDENCE_LIMIT} bytes`, { field: 'content' })
  }
  const { subjects, signed, ...read } = decided(() => readEvidence(bytes))
  if (type !== undefined && type !== read.type && type !== read.format && type !== read.predicateType) {
    const message = `this is ${read.format} about ${read.type}, not ${type.slice(0, 80)}`
    throw new StoreError('invalid', message, { field: 'type' })
  }
  if (read.summary.kind === 'unreadable') {
    throw new StoreError('invalid', read.summary.reason, { field: 'content' })
  }
  const subject = await subjectOf(tx, subjects, given.digest, feedIds)
  const row = {
    ...read,
    id: newId(),
    subject,
    bytes,
    sha256: `sha256:${createHash('sha256').update(bytes).digest('hex')}`,
    senderId: actor.principalId,
  }
  const [known] = await tx.$queryRaw<{ id: string }[]>`
    select id from evidence where subject = ${subject} and sha256 = ${row.sha256}
      and received_by = ${actor.principalId}::uuid`
  if (known !== undefined) return { id: known.id, created: false }
  const [sent] = await tx.$queryRaw<{ count: number }[]>`
    select count(*)::int as count from evidence
    where subject = ${subject} and received_by = ${actor.principalId}::uuid`
  if ((sent?.count ?? 0) >= PER_SENDER) {
    throw new StoreError('invalid', `${PER_SENDER} pieces of evidence about ${subject} were sent already`, {
      field: 'digest',
    })
  }
  const verified = signed === null ? null : await firstSigner(tx, row)
  await insertEvidence(tx, actor, { ...row, verified }, 'evidence.received')
  return { id: row.id, created: true }
}

/** One digest, that the sender may speak about. */
async function subjectOf(
  tx: Transaction,
  subjects: readonly string[] | null,
  digest: string | undefined,
  feedIds: readonly string[],
): Promise<string> {
  if (digest !== undefined && subjects !== null && !subjects.includes(digest)) {
    const about = subjects.length === 0 ? 'no image digest' : subjects.slice(0, 5).join(', ')
    throw new StoreError('digest_mismatch', `the evidence is about ${about}, not about ${digest}`, {
      field: 'digest',
      detail: { evidence: subjects.slice(0, 100), given: digest },
    })
  }
  const asked = digest === undefined ? subjects : [digest]
  if (asked === null) {
    throw new StoreError('invalid', 'evidence of this format names no image: say which, as digest', {
      field: 'digest',
    })
  }
  const known = await tx.$queryRaw<{ digest: string }[]>`
    select distinct rm.digest from repository_manifest rm join repository r on r.id = rm.repository_id
    where rm.digest = any (${[...asked]}::text[]) and r.feed_id = any (${[...feedIds]}::uuid[])`
  const [only, ...others] = known
  if (only === undefined) {
    const named = asked.slice(0, 5).join(', ')
    throw new StoreError('digest_unknown', `no feed that you may speak for has ${named || 'the image'}`, {
      field: 'digest',
    })
  }
  if (others.length > 0) {
    throw new StoreError(
      'invalid',
      `the evidence is about ${known.length} images here: say which, as digest`,
      {
        field: 'digest',
      },
    )
  }
  return only.digest
}

/** The first of all lanes' keys and identities that signed it, as `lane/name`: for whoever sent it to see. */
async function firstSigner(tx: Transaction, row: SignedRow): Promise<string | null> {
  const lanes = await tx.$queryRaw<{ name: string; policy: Pick<Policy, 'keys' | 'roots' | 'identities'> }[]>`
    select l.name, jsonb_strip_nulls(jsonb_build_object('keys', v.policy -> 'keys', 'roots', v.policy -> 'roots',
      'identities', v.policy -> 'identities')) as policy
    from lane l
      join lateral (select * from lane_version x where x.lane_id = l.id order by x.version desc limit 1) v on true
    where l.deleted_at is null and v.policy ?| array['keys', 'identities'] order by l.name`
  for (const { name, policy } of lanes) {
    const [signer] = (await signersOf(tx, [row], policy)).get(row.id)?.from ?? []
    if (signer !== undefined) return `${name}/${signer.replace(/^(?:key|identity):/, '')}`
  }
  return null
}

/** Keeps what was found beside an image when a request is made of it; whoever pushed it is its sender. */
export async function keepFound(
  tx: Transaction,
  actor: Actor,
  found: readonly FoundEvidence[],
): Promise<void> {
  for (const each of found) {
    await insertEvidence(tx, actor, { ...each, verified: null }, 'evidence.found')
  }
}

type Row = Omit<FoundEvidence, 'receivedAt' | 'sender'> & { readonly verified: string | null }

async function insertEvidence(
  tx: Transaction,
  actor: Actor,
  row: Row,
  entry: 'evidence.received' | 'evidence.found',
): Promise<void> {
  const {
    id,
    subject,
    type,
    format,
    predicateType,
    bytes,
    sha256,
    contentDigest,
    claimedAt,
    senderId,
    verified,
  } = row
  const entryId = await appendEntry(tx, {
    type: entry,
    actor: actorOf(actor),
    subjects: [`digest:${subject}`, `evidence:${id}`],
    payload: { type, format, predicateType, sha256, contentDigest, verified, sender: senderId },
  })
  await tx.$executeRaw`
    insert into evidence (id, subject, type, format, predicate_type, bytes, sha256, content_digest, claimed_at,
      received_by, verified, summary, entry_id)
    values (${id}::uuid, ${subject}, ${type}, ${format}, ${predicateType}, ${bytes}, ${sha256}, ${contentDigest},
      ${claimedAt}, ${senderId}::uuid, ${verified}, ${JSON.stringify(row.summary)}::jsonb, ${entryId}::uuid)
    on conflict on constraint evidence_once do nothing`
}
