import { PromotionError } from './errors.ts'
import { blockedBy, reasonsOf } from './evaluate.ts'
import type { GateReport } from './gates/gate.ts'
import { immutableBy, refuseTag, type TagRefusal, type TagRules } from './tag-rules.ts'

/** A target tag with what it points at now; null: nothing. */
export interface TargetTag {
  readonly repository: string
  readonly tag: string
  /** The digest that is to land. */
  readonly digest: string
  readonly current: string | null
}

export interface CreationInput {
  readonly targets: readonly TargetTag[]
  readonly toFeed: { readonly name: string; readonly trusted: boolean; readonly tagRules: TagRules }
  /** Digests of layers whose bytes stay with their vendor. */
  readonly foreignLayers: readonly string[]
  readonly gates: readonly GateReport[]
}

/**
 * May this request be made? A target that already points at the digest is fine.
 * @throws PromotionError tag_not_permitted, tag_exists (naming both digests), foreign_layers, gate_refused
 */
export function decideCreation({ targets, toFeed, foreignLayers, gates }: CreationInput): void {
  const [unfit] = refusedTargets(targets, toFeed.tagRules)
  if (unfit !== undefined) {
    const { repository, tag, rule, message } = unfit
    throw new PromotionError('tag_not_permitted', `${toFeed.name}/${repository}: ${message}`, {
      detail: { repository, tag, rule },
    })
  }
  const [taken] = immutableConflicts(targets, toFeed.tagRules)
  if (taken !== undefined) throw tagExists(toFeed.name, taken)
  if (toFeed.trusted && foreignLayers.length > 0) {
    throw new PromotionError(
      'foreign_layers',
      `the image has layers that stay with their vendor (${foreignLayers.slice(0, 5).join(', ')}); ${toFeed.name} takes only what it can hold in full`,
      { detail: { layers: foreignLayers } },
    )
  }
  const blocked = blockedBy(gates)
  if (blocked.length > 0) {
    throw new PromotionError('gate_refused', reasonsOf(blocked), { detail: { gates: blocked } })
  }
}

/** The targets that would set a tag which the feed's rules do not let anybody set. */
export function refusedTargets(
  targets: readonly TargetTag[],
  rules: TagRules,
): readonly (TargetTag & TagRefusal)[] {
  return targets.flatMap((target) => {
    const refusal = target.current === target.digest ? null : refuseTag(rules, target.tag)
    return refusal === null ? [] : [{ ...target, ...refusal }]
  })
}

/** The targets that would move a tag which the feed's rules hold in place. */
export function immutableConflicts(
  targets: readonly TargetTag[],
  rules: TagRules,
): readonly (TargetTag & { readonly current: string; readonly rule: string })[] {
  return targets.flatMap((target) => {
    const { current, digest, tag } = target
    if (current === null || current === digest) return []
    const rule = immutableBy(rules, tag)
    return rule === null ? [] : [{ ...target, current, rule }]
  })
}

function tagExists(
  feed: string,
  { repository, tag, current, digest, rule }: TargetTag & { current: string; rule: string },
): PromotionError {
  return new PromotionError(
    'tag_exists',
    `${feed}/${repository}:${tag} is ${current} and immutable (${rule}); ${digest} needs another tag`,
    { detail: { repository, tag, current, asked: digest, rule } },
  )
}
