import type { Repository } from '@sluice/oci'
import { FeedError } from '../errors.ts'

/** Names that one list may have. */
const NAMES_LIMIT = 100_000
const KEPT = 16
/** Milliseconds in which the next page is read from the list that the first one was. */
const FRESH_MS = 60_000

interface List {
  readonly names: readonly string[]
  readonly at: number
}

/**
 * The tags of upstream repositories, whole and in ASCII order: registries page in orders and by marks of their own. The
 * first page of a client asks anew, and the pages after it are of the same list.
 */
export class TagLists {
  readonly #lists = new Map<string, List>()

  /** Null: there is no such repository. @throws RegistryError; FeedError UNSUPPORTED beyond 100,000 names */
  async read(
    key: string,
    { last, repository }: { readonly last: string | null; readonly repository: () => Promise<Repository> },
    signal: AbortSignal,
  ): Promise<readonly string[] | null> {
    const known = this.#lists.get(key)
    if (last !== null && known !== undefined && performance.now() - known.at < FRESH_MS) return known.names
    const found: string[] = []
    let there = false
    for await (const names of (await repository()).listTags(signal)) {
      there = true
      found.push(...names)
      if (found.length > NAMES_LIMIT) {
        throw new FeedError(
          'UNSUPPORTED',
          `the upstream lists more than ${NAMES_LIMIT} tags of this repository`,
        )
      }
    }
    if (!there) return null
    const names = [...new Set(found)].sort()
    this.#lists.delete(key)
    this.#lists.set(key, { names, at: performance.now() })
    const oldest = this.#lists.size > KEPT ? this.#lists.keys().next() : undefined
    if (oldest?.value !== undefined) this.#lists.delete(oldest.value)
    return names
  }
}
