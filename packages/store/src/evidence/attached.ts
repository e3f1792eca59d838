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
  /** Why not all was looked at; no gate on evidence passes then. */
  readonly incomplete?: readonly { readonly subject: string; readonly reason: string }[]
}

export const NOTHING_ATTACHED: Attached = { found: [], unread: [] }

/** Artifacts that may refer to one digest (docs/evidence.md). */
export const REFERRERS_LIMIT = 1_000
/** Of one request. Bytes. */
const BYTES_LIMIT = 128 * 1024 * 1024
const AT_ONCE = 8

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
  const unread: { subject: string; reason: string }[] = []
  const incomplete: { subject: string; reason: string }[] = []
  const due: Due[] = []
  let room = BYTES_LIMIT
  for (const { sourceRepositoryId: repositoryId, digest, platforms } of items) {
    for (const subject of new Set([digest, ...platforms.map((image) => image.digest)])) {
      const carriers = await carriersOf(tx, repositoryId, subject)
      if (carriers.length > REFERRERS_LIMIT) {
        const reason = `more than ${REFERRERS_LIMIT} artifacts refer to ${subject}, so that not all can be looked at; remove some there`
        incomplete.push({ subject, reason })
        continue
      }
      for (const carrier of carriers) {
        for (const layer of layersOf(carrier)) {
          const where = `${layer.digest} of ${carrier.digest}`
          if (layer.size > EVIDENCE_LIMIT) {
            unread.push({ subject, reason: `${where} is too large` })
            continue
          }
          room -= layer.size
          if (room >= 0) due.push({ repositoryId, subject, carrier, layer, where })
          else if (!incomplete.some((one) => one.subject === subject)) {
            const reason = `what refers to ${subject} is more than the ${BYTES_LIMIT} bytes of evidence that are looked at of one request; remove some there`
            incomplete.push({ subject, reason })
          }
        }
      }
    }
  }
  const found: FoundEvidence[] = []
  const carried: Carried[] = []
  for (let at = 0; at < due.length; at += AT_ONCE) {
    const part = due.slice(at, at + AT_ONCE)
    const outcomes = await Promise.all(part.map((one) => readLayer(one, readBytes)))
    for (const [i, { subject, carrier, where }] of part.entries()) {
      const outcome = outcomes[i] ?? null
      if (typeof outcome === 'string') unread.push({ subject, reason: `${where}: ${outcome}` })
      if (typeof outcome === 'string' || outcome === null) continue
      found.push(outcome)
      if (carrier.refers) carried.push({ referrer: carrier.digest, evidence: outcome })
    }
  }
  return { found: await unstored(tx, found), carried, unread, incomplete }
}

/** A layer that is to be read. */
interface Due {
  readonly repositoryId: string
  readonly subject: string
  readonly carrier: Carrier
  readonly layer: Layer
  readonly where: string
}

/** Referrers and tagged artifacts of one digest, oldest first. */
function carriersOf(tx: Transaction, repositoryId: string, subject: string): Promise<Carrier[]> {
  const tagged = ['att', 'sig'].map((end) => `${subject.replace(':', '-')}.${end}`)
  return tx.$queryRaw<Carrier[]>`
    select m.digest, rm.media_type as "mediaType", m.bytes,
      case when rm.admission_id is not null or is_remote(rm.repository_id) or is_proxy(rm.repository_id)
        then (select p.id from principal p where p.kind = 'anyone') else rm.pushed_by end as "pushedBy",
      m.subject_digest is not distinct from ${subject} as refers,
      sender_of(rm.pushed_by) as sender
    from repository_manifest rm join manifest m on m.digest = rm.digest
    where rm.repository_id = ${repositoryId}::uuid and (
      m.subject_digest = ${subject}
      or exists (select from current_tag t where t.repository_id = rm.repository_id and t.digest = rm.digest
        and t.name = any (${tagged}::text[])))
    order by rm.pushed_at, m.digest limit ${REFERRERS_LIMIT + 1}`
}

export interface Layer {
  readonly digest: string
  readonly size: number
  /** Of a legacy signature, in base64. */
  readonly signature: string | null
}

function layersOf({ bytes, mediaType }: Pick<Carrier, 'bytes' | 'mediaType'>): Layer[] {
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
  { repositoryId, subject, carrier, layer }: Omit<Due, 'where'>,
  readBytes: LayerReader,
): Promise<FoundEvidence | string | null> {
  const { pushedBy, sender, refers } = carrier
  if (pushedBy === null) return null
  const outcome = await readCarried(repositoryId, { subject, refers, layer }, readBytes)
  if ('reason' in outcome) return outcome.reason
  return { ...outcome, id: newId(), subject, receivedAt: new Date(), sender, senderId: pushedBy }
}

/** What a layer carries: evidence with its raw bytes. */
export type CarriedEvidence = Pick<FoundEvidence, 'bytes' | 'sha256'> &
  Omit<ReadEvidence, 'subjects' | 'signed'>

/**
 * Reads what one layer says of a subject, which it must be about.
 * @param refers by its manifest's own subject; a tag's name binds nothing
 */
export async function readCarried(
  repositoryId: string,
  { subject, refers, layer }: { readonly subject: string; readonly refers: boolean; readonly layer: Layer },
  readBytes: LayerReader,
): Promise<CarriedEvidence | { readonly reason: string; readonly passing: boolean }> {
  try {
    const content = await readBytes(repositoryId, layer)
    const bytes = layer.signature === null ? content : wrapSimpleSigning(content, layer.signature)
    const { subjects, signed: _, ...read } = readEvidence(bytes)
    if (subjects === null ? !refers : !subjects.includes(subject)) {
      return { reason: `it is not about ${subject}`, passing: false }
    }
    return { ...read, bytes, sha256: `sha256:${createHash('sha256').update(bytes).digest('hex')}` }
  } catch (error) {
    if (error instanceof PromotionError) return { reason: error.message, passing: false }
    const told = error instanceof OciError || error instanceof RegistryError
    return { reason: told ? error.message : 'its bytes could not be reached', passing: true }
  }
}

/** The layers of an artifact that carry evidence by their type, and the types of those that do not. */
export function evidenceLayers(bytes: Uint8Array, mediaType: string): { layers: Layer[]; others: string[] } {
  const layers = layersOf({ bytes, mediaType })
  const others = parseManifest(bytes, mediaType).layers.filter(
    ({ digest }) => !layers.some((layer) => layer.digest === digest),
  )
  return { layers, others: others.map((other) => other.mediaType) }
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
