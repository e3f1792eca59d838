import type { Request, RequestItem } from '@sluice/contract'

type Named = Pick<RequestItem, 'source' | 'target'>

/** `team/app:1.4.2`, as the lane's from feed has it; by digest it is the repository alone. */
export function sourceName({ source }: Named): string {
  return source.tag === null ? source.repository : `${source.repository}:${source.tag}`
}

/** `trusted/team/app:1.4.2, 1.4`; a restore moves no tag. */
export function targetName({ target }: Named): string {
  const tags = target.tags.map(({ tag }) => tag).join(', ')
  return `${target.feed}/${target.repository}${tags === '' ? '' : `:${tags}`}`
}

/** What a request is called in a list: its image, or the first of a release set and how many more. */
export function requestName({ items }: Pick<Request, 'items'>): string {
  const [first, ...others] = items
  if (first === undefined) return 'nothing'
  return others.length === 0 ? sourceName(first) : `${sourceName(first)} and ${others.length} more`
}

/** What a decision repeats: the item's digest, of a release set the digest over the set. */
export function decidedDigest({ items, setDigest }: Pick<Request, 'items' | 'setDigest'>): string {
  const [first] = items
  return items.length === 1 && first !== undefined ? first.digest : setDigest
}
