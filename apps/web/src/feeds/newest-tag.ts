import type { Tag } from '@sluice/contract'

type Named = Pick<Tag, 'tag' | 'virtual' | 'pushedAt'>

/** Of tags in version order: the highest release; without releases what was set last. */
export function newestTag<T extends Named>(tags: readonly T[]): T | null {
  const real = tags.filter(({ virtual }) => !virtual)
  const release = real.findLast(({ tag }) => /^v?\d+\.\d+\.\d+$/.test(tag))
  return release ?? real.toSorted((a, b) => (a.pushedAt < b.pushedAt ? 1 : -1))[0] ?? null
}
