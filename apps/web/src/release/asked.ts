import { words } from '../format/words.ts'

/** One image of a set that is being put together. */
export type Asked = {
  /** As the lane's from feed has it: `team/app:1.4.2`. */
  readonly image: string
  /** The tags that it gets, as they are typed; none: the tag that it has. */
  readonly tags: string
}

/** What one request may hold. */
export const MOST_IMAGES = 100

/** As an address has them, `team/app:1.4.2 stable 1.4`: the image, then its target tags. Each image once. */
export function readAsked(texts: readonly string[]): Asked[] {
  const asked = new Map<string, Asked>()
  for (const text of texts) {
    const [image, ...tags] = words(text)
    if (image !== undefined && !asked.has(image)) asked.set(image, { image, tags: tags.join(' ') })
  }
  return [...asked.values()].slice(0, MOST_IMAGES)
}

export const writeAsked = (asked: readonly Asked[]): string[] =>
  asked.map(({ image, tags }) => [image, ...words(tags)].join(' '))

/** An image by a tag or a digest of its repository. */
export const imageOf = (repository: string, reference: string): string =>
  `${repository.trim()}${reference.includes(':') ? '@' : ':'}${reference.trim()}`

/** The items of a request's body. */
export const itemsOf = (asked: readonly Asked[]) =>
  asked.map(({ image, tags }) => {
    const targetTags = words(tags)
    return { image, ...(targetTags.length > 0 && { targetTags }) }
  })
