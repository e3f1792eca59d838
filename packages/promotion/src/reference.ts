import { isRepositoryName, isTag, OciError, parseImageReference } from '@sluice/oci'
import { type Issue, invalid, PromotionError, type PromotionErrorCode, shown } from './errors.ts'

/** An item as a caller writes it (DESIGN section 7, `POST /requests`). */
export interface AskedItem {
  readonly image: string
  readonly targetRepository?: string | undefined
  readonly targetTags?: readonly string[] | undefined
}

/** An item with its defaults filled in; tag or digest, or both, name the source. */
export interface ResolvedItem {
  readonly repository: string
  readonly tag: string | null
  readonly digest: string | null
  readonly targetRepository: string
  readonly targetTags: readonly string[]
  /** Nobody named target tags: the source's tag is it. */
  readonly targetTagDefaulted: boolean
}

const ITEMS_LIMIT = 100
const TAGS_LIMIT = 100

/**
 * Reads the items of a request. The target repository is the source's unless given, the target tag
 * the source tag; by digest alone there is no tag to take, so `targetTags` must be given.
 * @param feedNames the current and former names of the lane's from feed
 * @throws PromotionError invalid, with every issue of every item; lane_source
 */
export function resolveItems(items: readonly AskedItem[], feedNames: readonly string[]): ResolvedItem[] {
  if (items.length < 1 || items.length > ITEMS_LIMIT) {
    throw invalid({ field: 'items', rule: 'count', message: `1 to ${ITEMS_LIMIT} items are needed` })
  }
  const issues: Issue[] = []
  const resolved = items.flatMap((item, i) => resolveItem(item, `items[${i}]`, feedNames, issues) ?? [])
  if (issues.length > 0) throw refusedFor(issues)
  refuseRepeatedTargets(resolved)
  return resolved
}

function resolveItem(
  { image, targetRepository, targetTags }: AskedItem,
  field: string,
  feedNames: readonly string[],
  issues: Issue[],
): ResolvedItem | null {
  const before = issues.length
  const source = readImage(image, `${field}.image`, feedNames, issues)
  if (targetRepository !== undefined && !isRepositoryName(targetRepository)) {
    const message = `${shown(targetRepository)} is not a repository name; leave the feed out, it is the lane's`
    issues.push({ field: `${field}.targetRepository`, rule: 'repository_name', message })
  }
  checkTags(targetTags, `${field}.targetTags`, issues)
  if (targetTags === undefined && source !== null && source.tag === null) {
    const message = 'needed, because the image is named by digest and has no tag to take'
    issues.push({ field: `${field}.targetTags`, rule: 'required', message })
  }
  // The default target tag is held to the same rules as a given one.
  if (targetTags === undefined && source?.tag != null) checkTags([source.tag], `${field}.targetTags`, issues)
  if (source === null || issues.length > before) return null
  const { repository, tag, digest } = source
  return {
    repository,
    tag,
    digest,
    targetRepository: targetRepository ?? repository,
    targetTags: targetTags ?? (tag === null ? [] : [tag]),
    targetTagDefaulted: targetTags === undefined,
  }
}

function readImage(image: string, field: string, feedNames: readonly string[], issues: Issue[]) {
  try {
    return parseImageReference(image, { feedNames })
  } catch (error) {
    if (!(error instanceof OciError)) throw error
    issues.push(imageIssue(field, error))
    return null
  }
}

/** What is wrong with the image that a field names. */
export function imageIssue(field: string, { code, message }: OciError): Issue {
  if (code !== 'FEED_MISMATCH') return { field, rule: code.toLowerCase(), message }
  const rule = 'lane_source' satisfies PromotionErrorCode
  return { field, rule, message: `${message}: lanes lead forward, choose one that takes from that feed` }
}

/** Well-formed images of a feed that the lane does not take from are a conflict with the lane; all else is input. */
export function refusedFor(issues: readonly Issue[]): PromotionError {
  const error = invalid(...issues)
  return issues.every(({ rule }) => rule === 'lane_source')
    ? new PromotionError('lane_source', error.message, { issues })
    : error
}

function checkTags(tags: readonly string[] | undefined, field: string, issues: Issue[]): void {
  if (tags === undefined) return
  if (tags.length < 1 || tags.length > TAGS_LIMIT) {
    issues.push({ field, rule: 'count', message: `1 to ${TAGS_LIMIT} tags are needed` })
    return
  }
  tags.forEach((tag, i) => {
    if (!isTag(tag)) {
      issues.push({ field: `${field}[${i}]`, rule: 'tag', message: `${shown(tag)} is not a tag` })
    } else if (/^sha(?:256|512)-/.test(tag)) {
      // The tags under which older clients look for signatures (referrers tag schema).
      const message = `${tag} would be read as the referrers of a digest; choose another tag`
      issues.push({ field: `${field}[${i}]`, rule: 'reserved_tag', message })
    }
  })
}

/**
 * One tag of one repository can get one digest.
 * @throws PromotionError invalid
 */
export function refuseRepeatedTargets(items: readonly ResolvedItem[]): void {
  const seen = new Map<string, number>()
  const issues: Issue[] = []
  items.forEach(({ targetRepository, targetTags }, i) => {
    for (const tag of targetTags) {
      const target = `${targetRepository}:${tag}`
      const first = seen.get(target)
      if (first !== undefined) {
        const message = `${target} is already a target of items[${first}]; name each target once`
        issues.push({ field: `items[${i}].targetTags`, rule: 'repeated', message })
      } else {
        seen.set(target, i)
      }
    }
  })
  if (issues.length > 0) throw invalid(...issues)
}
