import { ApiError } from './problem.ts'

/**
 * One page of a list that is at hand as a whole; the cursor is the key of the page's last item.
 * @throws ApiError invalid: `after` names no item (any more)
 */
export function pageOf<T>(
  all: readonly T[],
  { limit, after }: { limit: number; after?: string | undefined },
  key: (item: T) => string,
): { items: T[]; next: string | null } {
  const from = after === undefined ? 0 : all.findIndex((item) => key(item) === after) + 1
  if (after !== undefined && from === 0) {
    const message = 'is no place in this list (any more); start again without it'
    throw new ApiError('invalid', `after: ${message}`, {
      errors: [{ field: 'after', rule: 'cursor', message }],
    })
  }
  const items = all.slice(from, from + limit)
  const last = items.at(-1)
  return { items, next: from + limit < all.length && last !== undefined ? key(last) : null }
}
