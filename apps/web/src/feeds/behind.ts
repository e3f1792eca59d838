import type { Lane, Stage } from '@sluice/contract'
import { MOST_IMAGES } from '../release/asked.ts'

type Newest = NonNullable<Stage['places'][number]['newest']>

/** What of a repository stands in a feed; null where it is not there, or without a tag. */
export function newestIn({ places }: Pick<Stage, 'places'>, feed: string): Newest | null {
  return places.find((place) => place.feed === feed)?.newest ?? null
}

/** Images in a lane's first feed, of repositories that its second one holds in another version. */
export function imagesBehind(stages: readonly Stage[], { from, to }: Pick<Lane, 'from' | 'to'>): string[] {
  const images = stages.flatMap((stage) => {
    const [there, here] = [newestIn(stage, from), newestIn(stage, to)]
    if (there === null || here === null || there.digest === here.digest) return []
    return `${stage.repository}:${there.tag}`
  })
  return images.slice(0, MOST_IMAGES)
}
