import { createHash } from 'node:crypto'
import { OciError, parseManifest, RegistryError } from '@sluice/oci'
import {
  EVIDENCE_LIMIT,
  PromotionError,
  type ReadEvidence,
  readEvidence,
  wrapSimpleSigning,
} from '@sluice/promotion'
import { newId } from '../id.ts'
import type { Transaction } from '../transaction.ts'
import type { Imaged } from './facts.ts'
import type { LayerReader } from './layers.ts'

/** Evidence found beside an image, in its repository. */
export interface FoundEvidence extends Omit<ReadEvidence, 'subjects' | 'signed'> {
  readonly id: string
  readonly subject: string
  readonly bytes: Uint8Array
  readonly sha256: string
  readonly receivedAt: Date
  /** Who pushed it, as gates name principals. */
  readonly sender: string | null
  readonly senderId: string
}

/** What a referrer carries. */
export interface Carried {
  /** The referrer, a manifest of the source repository. */
  readonly referrer: string
  readonly evidence: FoundEvidence
}

export interface Attached {
  /** Not stored yet. */
  readonly found: readonly FoundEvidence[]
  /** All that referrers carry, stored before or not. */
  readonly carried?: readonly Carried[]
  readonly unread: readonly { readonly subject: string; readonly reason: string }[]
}

export const NOTHING_ATTACHED: Attached = { found: [], unread: [] }

/** Of one digest. */
const CARRIERS_LIMIT = 100
/** Of one request. Bytes. */
const BYTES_LIMIT = 128 * 1024 * 1024

/** What a layer that carries evidence says it is: the bundle of cosign v3, and what came before it. */
const CARRIED = [
  /^application\/vnd\.dev\.sigstore\.bundle[.+]/,
  /^application\/vnd\.dsse\.envelope\.v1\+json$/,
  /^application\/vnd\.in-toto\+json$/,
  /^application\/vnd\.cyclonedx\+json/,
  /^(?:application|text)\/spdx\+json/,
  /^application\/sarif\+json/,
  /^application\/(?:vnd\.)?openvex\+json/,
]
const SIMPLE_SIGNING_LAYER = 'application/vnd.dev.cosign.simplesigning.v1+json'
const SIGNATURE_ANNOTATION = 'dev.cosignproject.cosign/signature'

interface Carrier {
  readonly digest: string
  readonly mediaType: string
  readonly bytes: Uint8Array
  /** Of a registry elsewhere nobody is known to have pushed: it counts as sent by anyone. */
  readonly pushedBy: string | null
  readonly sender: string | null
  /** By its `subject`, not only by the name of a tag. */
  readonly refers: boolean
}

/**
 * Reads the evidence that hangs on these images in their source repository: referrers (OCI 1.1), and the
 * tags `sha256-….att` and `sha256-….sig`. Nothing is written. What cannot be read is reported, never skipped
 * in silence: a gate that lacks evidence says why.
 */
export async function readAttached(
  tx: Transaction,
  items: readonly (Imaged & { readonly sourceRepositoryId: string })[],
  readBytes: LayerReader,
): Promise<Attached> {
  const found: FoundEvidence[] = []
  const carried: Carried[] = []
  const unread: { subject: string; reason: string }[] = []
  let room = BYTES_LIMIT
  for (const { sourceRepositoryId: repositoryId, digest, platforms } of items) {
    for (const subject of new Set([digest, ...platforms.map((image) => image.digest)])) {
      const carriers = await carriersOf(tx, repositoryId, subject)
      if (carriers.length > CARRIERS_LIMIT) {
        unread.push({ subject, reason: `more than ${CARRIERS_LIMIT} artifacts refer to ${subject}` })
        continue
      }
      for (const carrier of carriers) {
        for (const layer of layersOf(carrier)) {
          room -= layer.size
          const where = `${layer.digest} of ${carrier.digest}`
          if (layer.size > EVIDENCE_LIMIT || room < 0) {
            unread.push({ subject, reason: `${where} is too large` })
            continue
          }
          const outcome = await readLayer(repositoryId, subject, carrier, layer, readBytes)
          if (typeof outcome === 'string') unread.push({ subject, reason: `${where}: ${outcome}` })
          if (typeof outcome === 'string' || outcome === null) continue
          found.push(outcome)
          if (carrier.refers) carried.push({ referrer: carrier.digest, evidence: outcome })
        }
      }
    }
  }
  return { found: await unstored(tx, found), carried, unread }
}

/** Referrers and tagged artifacts of one digest, oldest first. */
function carriersOf(tx: Transaction, repositoryId: string, subject: string): Promise<Carrier[]> {
  const tagged = ['att', 'sig'].map((end) => `${subject.replace(':', '-')}.${end}`)
  return tx.$queryRaw<Carrier[]>`
    select m.digest, rm.media_type as "mediaType", m.bytes,
      case when is_remote(rm.repository_id) or is_proxy(rm.repository_id) then (select p.id from principal p where p.kind = 'anyone') else rm.pushed_by end as "pushedBy",
      m.subject_digest is not distinct from ${subject} as refers,
      sender_of(rm.pushed_by) as sender
    from repository_manifest rm join manifest m on m.digest = rm.digest
    where rm.repository_id = ${repositoryId}::uuid and (
      m.subject_digest = ${subject}
      or exists (select from current_tag t where t.repository_id = rm.repository_id and t.digest = rm.digest
        and t.name = any (${tagged}::text[])))
    order by rm.pushed_at, m.digest limit ${CARRIERS_LIMIT + 1}`
}

interface Layer {
  readonly digest: string
  readonly size: number
  /** Of a legacy signature, in base64. */
  readonly signature: string | null
}

function layersOf({ bytes, mediaType }: Carrier): Layer[] {
  const { layers } = parseManifest(bytes, mediaType)
  return layers.flatMap(({ digest, size, mediaType: type, annotations }): Layer[] => {
    if (type === SIMPLE_SIGNING_LAYER) {
      return [{ digest, size, signature: annotations?.[SIGNATURE_ANNOTATION] ?? '' }]
    }
    return CARRIED.some((pattern) => pattern.test(type)) ? [{ digest, size, signature: null }] : []
  })
}

/** The evidence of one layer; a reason when it cannot be read, null when nobody sent it. */
async function readLayer(
  repositoryId: string,
  subject: string,
  { pushedBy, sender, refers }: Carrier,
  layer: Layer,
  readBytes: LayerReader,
): Promise<FoundEvidence | string | null> {
  if (pushedBy === null) return null
  try {
    const content = await readBytes(repositoryId, layer)
    const bytes = layer.signature === null ? content : wrapSimpleSigning(content, layer.signature)
    const { subjects, signed: _, ...read } = readEvidence(bytes)
    // A tag's name binds nothing: only what is inside, or a manifest's own subject.
    if (subjects === null ? !refers : !subjects.includes(subject)) return `it is not about ${subject}`
    return {
      ...read,
      id: newId(),
      subject,
      bytes,
      sha256: `sha256:${createHash('sha256').update(bytes).digest('hex')}`,
      receivedAt: new Date(),
      sender,
      senderId: pushedBy,
    }
  } catch (error) {
    if (error instanceof PromotionError || error instanceof OciError || error instanceof RegistryError)
      return error.message
    return 'its bytes could not be reached'
  }
}

/** Without what its sender sent before. */
async function unstored(tx: Transaction, found: readonly FoundEvidence[]): Promise<FoundEvidence[]> {
  const rows = await tx.$queryRaw<{ subject: string; sha256: string; senderId: string }[]>`
    select subject, sha256, received_by as "senderId" from evidence
    where subject = any (${found.map(({ subject }) => subject)}::text[])
      and sha256 = any (${found.map(({ sha256 }) => sha256)}::text[])`
  const seen = new Set(rows.map(({ subject, sha256, senderId }) => `${subject} ${sha256} ${senderId}`))
  return found.filter(({ subject, sha256, senderId }) => {
    const key = `${subject} ${sha256} ${senderId}`
    const fresh = !seen.has(key)
    seen.add(key)
    return fresh
  })
}
