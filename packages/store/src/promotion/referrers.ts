import { GRAPH_NODE_LIMIT } from '@sluice/oci'
import { isRequired, type Policy } from '@sluice/promotion'
import { StoreError } from '../errors.ts'
import type { Attached } from '../evidence/attached.ts'
import { SIGNED_FORMATS } from '../evidence/facts.ts'
import { signersOf } from '../evidence/signers.ts'
import type { Transaction } from '../transaction.ts'
import { type Closure, readClosure } from './closure.ts'
import type { PreparedItem } from './prepare.ts'

/**
 * The items with what carries the evidence that the lane asks for, so that signatures, SBOMs and attestations are
 * promoted with their image. Whose pushes and platforms count stays the image's own matter.
 * @throws StoreError closure_incomplete
 */
export async function withReferrers(
  tx: Transaction,
  policy: Policy,
  items: readonly PreparedItem[],
  attached: Attached,
): Promise<PreparedItem[]> {
  const required = await requiredReferrers(tx, policy, attached)
  const whole: PreparedItem[] = []
  for (const item of items) {
    const { digest, frozen, sourceRepositoryId } = item
    const subjects = [digest, ...frozen.images.map((image) => image.digest)]
    const referrers = new Set(subjects.flatMap((subject) => required.get(subject) ?? []))
    let closure: Closure = frozen
    for (const referrer of [...referrers].sort()) {
      const more = await readClosure(tx, sourceRepositoryId, referrer)
      if (more === null) {
        throw new StoreError(
          'closure_incomplete',
          `${referrer}, which refers to ${digest}, is gone; ask again`,
        )
      }
      closure = joined(closure, more)
    }
    whole.push({ ...item, closure: closure.members, frozen: { ...frozen, ...closure } })
  }
  return whole
}

/** By subject: the manifests that refer to it with evidence that a rule asks for, by somebody whom it trusts. */
async function requiredReferrers(
  tx: Transaction,
  policy: Policy,
  { carried = [] }: Attached,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const signers = await signersOf(
    tx,
    carried.map(({ evidence }) => evidence).filter(({ format }) => SIGNED_FORMATS.includes(format)),
    policy,
  )
  const required = new Map<string, string[]>()
  for (const { referrer, evidence } of carried) {
    const { id, subject, sender, type, predicateType } = evidence
    const signed = signers.get(id)?.from ?? []
    const from = sender === null ? signed : [...signed, sender]
    if (!isRequired(policy, { type, predicateType, from })) continue
    required.set(subject, [...(required.get(subject) ?? []), referrer])
  }
  return required
}

/** One closure of both; what they share is there once. */
function joined(image: Closure, referrer: Closure): Closure {
  const members = new Map(image.members.map((member) => [member.digest, member]))
  for (const member of referrer.members) {
    const known = members.get(member.digest)
    if (known !== undefined && (known.kind !== member.kind || known.mediaType !== member.mediaType)) {
      // Of a blob that two manifests name differently, the image's own word stays.
      if (known.kind === 'blob' && member.kind === 'blob') continue
      throw new StoreError(
        'closure_incomplete',
        `${member.digest} is linked by the image and by what refers to it, as two things`,
      )
    }
    members.set(member.digest, member)
  }
  const all = [...members.values()]
  if (all.length > GRAPH_NODE_LIMIT) {
    throw new StoreError(
      'closure_incomplete',
      `the image has more than ${GRAPH_NODE_LIMIT} manifests and blobs`,
    )
  }
  const manifests = all.filter(({ kind }) => kind === 'manifest').length
  return {
    ...image,
    members: all,
    manifests,
    blobs: all.length - manifests,
    bytes: all.reduce((sum, { size }) => sum + size, 0),
    foreignLayers: [...new Set([...image.foreignLayers, ...referrer.foreignLayers])],
  }
}
