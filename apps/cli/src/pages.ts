import { InvalidArgumentError } from 'commander'

export type Page<T> = { readonly items: readonly T[]; readonly next: string | null }

const pageLimit = 200

/** Reads on from page to page until `limit` items are there; `next` says whether more are. */
export async function collect<T>(
  limit: number,
  read: (query: { limit: number; after?: string }) => Promise<Page<T>>,
): Promise<Page<T>> {
  const items: T[] = []
  let next: string | null = null
  do {
    const size = Math.min(pageLimit, limit - items.length)
    const page: Page<T> = await read({ limit: size, ...(next === null ? {} : { after: next }) })
    items.push(...page.items)
    next = page.next
  } while (next !== null && items.length < limit)
  return { items, next }
}

/** The value of --limit. */
export function parseLimit(text: string): number {
  if (!/^[1-9][0-9]{0,5}$/.test(text))
    throw new InvalidArgumentError('expected a whole number from 1 to 999999')
  return Number(text)
}

/** The line after a list that goes on. */
export const more = ({ items, next }: Page<unknown>): string[] =>
  next === null ? [] : [`… more after these ${items.length}: raise --limit`]
