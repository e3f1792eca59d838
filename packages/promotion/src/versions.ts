import semver from 'semver'
import { invalid, shown } from './errors.ts'
import { compareNumbers, inVersionOrder, withoutZeros } from './version-order.ts'

const RELEASE = /^(\d+)\.(\d+)\.(\d+)(?:-([0-9A-Za-z.-]+))?$/
const NUMBERS = /^(\d+)(?:\.(\d+))?$/
const RANGE_LIMIT = 128

/**
 * `X.Y.Z` or `X.Y.Z-pre`: the tags that name a release for ever. As in Semantic Versioning 2.0.0, items 2, 9
 * and 11, save that numbers may have leading zeros (`2024.01.05`), and that there is no build metadata: a tag
 * cannot hold `+`.
 */
export function isReleaseTag(tag: string): boolean {
  return RELEASE.test(tag)
}

/** `X`, `X.Y`, `latest` and `latest-stable`: where tags are versions, the feed itself says what they are. */
export function isVirtualTag(tag: string): boolean {
  return tag === 'latest' || tag === 'latest-stable' || NUMBERS.test(tag)
}

/**
 * The tags among which a virtual tag is looked for, as a regular expression that JavaScript and Postgres read
 * alike, so that an index need not hand out all its tags. Null: this is no virtual tag.
 */
export function releasesBehind(tag: string): string | null {
  if (!isVirtualTag(tag)) return null
  const [, major, minor] = NUMBERS.exec(tag) ?? []
  const part = (digits: string | undefined): string =>
    digits === undefined ? '[0-9]+' : `0*${withoutZeros(digits)}`
  return `^${part(major)}\\.${part(minor)}\\.[0-9]+$`
}

/**
 * The release that a virtual tag stands for among these tags: the highest by precedence, whenever it was
 * pushed. Pre-releases are never meant. Null: there is none, or this is no virtual tag.
 */
export function resolveVirtual(tag: string, tags: readonly string[]): string | null {
  const pattern = releasesBehind(tag)
  if (pattern === null) return null
  const behind = new RegExp(pattern)
  let best: Stable | null = null
  for (const one of tags) {
    const release = behind.test(one) ? readStable(one) : null
    if (release !== null && (best === null || compareStable(release, best) > 0)) best = release
  }
  return best?.tag ?? null
}

/** Every virtual tag that these tags give, with the release it stands for, in version order. */
export function virtualTags(tags: readonly string[]): ReadonlyMap<string, string> {
  const best = new Map<string, Stable>()
  for (const release of tags.flatMap((tag) => readStable(tag) ?? [])) {
    const [major, minor] = release.numbers
    for (const group of [major, `${major}.${minor}`, 'latest']) {
      const standing = best.get(group)
      if (standing === undefined || compareStable(release, standing) > 0) best.set(group, release)
    }
  }
  // Named as its release writes its numbers.
  const named = new Map([...best].map(([group, { tag }]) => [nameOf(group, tag), tag]))
  return new Map(inVersionOrder([...named.keys()]).map((name) => [name, named.get(name) ?? '']))
}

function nameOf(group: string, release: string): string {
  if (group === 'latest') return group
  const [major = '', minor = ''] = release.split('.')
  return group.includes('.') ? `${major}.${minor}` : major
}

/** A release that is no pre-release; its numbers without leading zeros. */
interface Stable {
  readonly tag: string
  readonly numbers: readonly [string, string, string]
}

function readStable(tag: string): Stable | null {
  const [, major, minor, patch, pre] = RELEASE.exec(tag) ?? []
  if (major === undefined || minor === undefined || patch === undefined || pre !== undefined) return null
  return { tag, numbers: [withoutZeros(major), withoutZeros(minor), withoutZeros(patch)] }
}

/** As `compareTags` orders them. */
function compareStable(a: Stable, b: Stable): number {
  for (const at of [0, 1, 2] as const) {
    const order = compareNumbers(a.numbers[at], b.numbers[at])
    if (order !== 0) return order
  }
  return a.tag < b.tag ? -1 : a.tag > b.tag ? 1 : 0
}

/**
 * The releases within a range, in version order: `~1.4`, `^1`, `>=1.2 <2` as npm's semver reads them (a
 * pre-release only where the range names one of the same X.Y.Z), or `latest-stable`, the highest one release.
 * @throws PromotionError invalid (range)
 */
export function releasesWithin(range: string, tags: readonly string[]): readonly string[] {
  if (range === 'latest-stable') {
    const release = resolveVirtual(range, tags)
    return release === null ? [] : [release]
  }
  const within = readRange(range)
  const found = tags.filter((tag) => {
    const version = asSemver(tag)
    return version !== null && within.test(version)
  })
  return inVersionOrder(found)
}

function readRange(range: string): semver.Range {
  try {
    if (range.length <= RANGE_LIMIT) return new semver.Range(range)
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
  }
  const message = `${shown(range)} is no range of versions, as ~1.4, ^1, ">=1.2 <2" or latest-stable`
  throw invalid({ field: 'range', rule: 'version_range', message })
}

/** Null: no release, or one of numbers that nobody counts with (over 2^53). */
function asSemver(tag: string): semver.SemVer | null {
  const [, major, minor, patch, pre] = RELEASE.exec(tag) ?? []
  if (major === undefined || minor === undefined || patch === undefined) return null
  const identifiers = pre?.split('.').map((one) => (/^\d+$/.test(one) ? withoutZeros(one) : one))
  const numbers = [major, minor, patch].map(withoutZeros).join('.')
  return semver.parse(identifiers === undefined ? numbers : `${numbers}-${identifiers.join('.')}`)
}
