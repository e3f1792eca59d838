/** A page that is asked for: how many, and after which item (its `next`). */
export interface Page {
  readonly limit: number
  readonly after?: string | null | undefined
}

export interface Paged<T> {
  readonly items: readonly T[]
  /** What to ask for next; null at the end. */
  readonly next: string | null
}

/** The page out of rows that were read one beyond the limit; `cursor` names an item for `after`. */
export function paged<T>(rows: readonly T[], limit: number, cursor: (row: T) => string): Paged<T> {
  const items = rows.slice(0, limit)
  const last = items.at(-1)
  return { items, next: rows.length > limit && last !== undefined ? cursor(last) : null }
}
