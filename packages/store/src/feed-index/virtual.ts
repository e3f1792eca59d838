import { releasesBehind, resolveVirtual, virtualTags } from '@sluice/promotion'

/** Runs a statement, over `pg` or inside a decision over Prisma. */
export type Ask = <Row>(text: string, values: readonly unknown[]) => Promise<readonly Row[]>

/**
 * The best release that a virtual tag can stand for now, past what is recalled, in a feed whose tags are versions: computed at every read, so
 * that nothing has to be kept in step. Null: no such release, other rules, or no virtual tag.
 */
export async function releaseFor(
  ask: Ask,
  { feedId, repository, tag }: { feedId: string; repository: string; tag: string },
): Promise<string | null> {
  const pattern = releasesBehind(tag)
  if (pattern === null) return null
  const rows = await ask<{ name: string }>(BEHIND, [feedId, repository, pattern])
  return resolveVirtual(
    tag,
    rows.map(({ name }) => name),
  )
}

const BEHIND = `
  select t.name from repository r
  join feed f on f.id = r.feed_id and f.tag_rules -> 'versions' = 'true'
  join tag t on t.repository_id = r.id and t.name ~ $3
    and not (exists (select from recall where lifted_at is null) and recalled(f.id, t.digest))
  where r.feed_id = $1::uuid and r.name = $2`

/** All tags that a listing of virtual ones looks at: stable releases, and what older pushes left under such names. */
export const VERSION_NAMES = '^(latest|latest-stable|[0-9]+(\\.[0-9]+){0,2})$'

/** The virtual tags of a repository with these tags, and the releases behind them; a stored tag is no virtual one. */
export function virtualBeside(stored: readonly string[]): ReadonlyMap<string, string> {
  const names = new Set(stored)
  return new Map([...virtualTags(stored)].filter(([name]) => !names.has(name)))
}
