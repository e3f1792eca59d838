import { OciError, parseImageReference } from '@sluice/oci'
import { type Issue, invalid } from './errors.ts'
import { type AskedItem, imageIssue, refusedFor, type ResolvedItem, resolveItems } from './reference.ts'

/**
 * Reads the items of a request that leads back: images of the target feed itself, in their own
 * repositories. A rollback names the tags to move, a restore one image and no tag; both say why.
 * @param feedNames the current and former names of the lane's to feed
 * @throws PromotionError invalid, with every issue; lane_source
 */
export function resolveBack(
  kind: 'rollback' | 'restore',
  items: readonly AskedItem[],
  reason: string | undefined,
  feedNames: readonly string[],
): ResolvedItem[] {
  const issues: Issue[] = []
  if (reason === undefined || reason.trim() === '') {
    issues.push({ field: 'reason', rule: 'required', message: `a ${kind} says why` })
  }
  items.forEach(({ targetRepository, targetTags }, i) => {
    const refuse = (field: string, rule: string, message: string) =>
      issues.push({ field: `items[${i}].${field}`, rule, message })
    if (targetRepository !== undefined) {
      refuse('targetRepository', 'fixed', `a ${kind} stays in the repository of its image; leave it out`)
    }
    if (kind === 'rollback' && targetTags === undefined) {
      refuse('targetTags', 'required', 'name the tags that are to move back')
    }
    if (kind === 'restore' && targetTags !== undefined) {
      refuse('targetTags', 'fixed', 'a restore moves no tag; leave it out')
    }
  })
  if (kind === 'restore' && items.length !== 1) {
    issues.push({ field: 'items', rule: 'count', message: 'a restore undoes one recall: name one image' })
  }
  if (issues.length > 0) throw invalid(...issues)
  return kind === 'rollback'
    ? resolveItems(items, feedNames)
    : items.map((item) => withoutTags(item, feedNames))
}

function withoutTags({ image }: AskedItem, feedNames: readonly string[]): ResolvedItem {
  try {
    const { repository, tag, digest } = parseImageReference(image, { feedNames })
    return {
      repository,
      tag,
      digest,
      targetRepository: repository,
      targetTags: [],
      targetTagDefaulted: false,
    }
  } catch (error) {
    if (!(error instanceof OciError)) throw error
    throw refusedFor([imageIssue('items[0].image', error)])
  }
}
