import type { FoundMove } from '@sluice/contract'

type Move = Pick<FoundMove, 'tag' | 'to' | 'at'>

/** Of moves, the newest first: the tag that was set last and is still there. */
export function lastSet(moves: readonly Move[]): { tag: string; digest: string; pushedAt: string } | null {
  const seen = new Set<string>()
  for (const { tag, to, at } of moves) {
    if (to !== null && !seen.has(tag)) return { tag, digest: to, pushedAt: at }
    seen.add(tag)
  }
  return null
}
