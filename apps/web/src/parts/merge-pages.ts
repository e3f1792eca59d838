export type Page<T> = { readonly items: readonly T[]; readonly next: string | null }
type Pages<T> = { readonly pages: Page<T>[]; readonly pageParams: (string | null)[] }

/**
 * What was fetched so far with the first page as it is now: what came is added, what left its place is gone. What is
 * known beyond that page stays, so that a list of any length is kept fresh by one call. When so much came that the
 * two have nothing in common, the list begins anew.
 */
export function mergePages<T>(known: Pages<T>, first: Page<T>, keyOf: (item: T) => string): Pages<T> {
  const last = first.items.at(-1)
  const anew = { pages: [first], pageParams: [null] }
  if (last === undefined || first.next === null) return anew
  const key = keyOf(last)
  for (const [at, page] of known.pages.entries()) {
    const position = page.items.findIndex((item) => keyOf(item) === key)
    if (position < 0) continue
    const items = [...first.items, ...page.items.slice(position + 1)]
    return {
      pages: [{ items, next: page.next }, ...known.pages.slice(at + 1)],
      pageParams: [null, ...known.pageParams.slice(at + 1)],
    }
  }
  return anew
}
