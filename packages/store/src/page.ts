import { StoreError } from './errors.ts'

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

/** A place in a list that goes by name; a `next` of ours is never refused. @throws StoreError invalid */
export function afterName(after: Page['after']): string {
  if (after && /[^\x21-\x7e]/.test(after)) {
    throw new StoreError('invalid', 'is not a place in this list', { field: 'after' })
  }
  return after ?? ''
}

/** A place in a list that goes by number. @throws StoreError invalid */
export function afterNumber(after: Page['after']): string | null {
  if (after && !/^\d{1,18}$/.test(after)) {
    throw new StoreError('invalid', 'is not a place in this list', { field: 'after' })
  }
  return after || null
}
