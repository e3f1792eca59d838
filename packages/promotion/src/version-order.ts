/**
 * Orders tags as versions: by number first (`1.9` before `1.10`), a pre-release before its release
 * (semver.org, item 11), `1` and `1.2` before `1.2.0`; then all other tags, their digits as numbers.
 * A total order: tags that are different are never equal.
 */
export function compareTags(a: string, b: string): number {
  return compare({ tag: a, version: parseVersion(a) }, { tag: b, version: parseVersion(b) })
}

/** The tags in that order, the lowest first; each is read once, however many there are. */
export function inVersionOrder(tags: readonly string[]): string[] {
  const read = tags.map((tag) => ({ tag, version: parseVersion(tag) }))
  return read.sort(compare).map(({ tag }) => tag)
}

/**
 * The first `most` of them in that order, or against it, that come after a tag: each is read once, and those beyond are
 * not ordered, so that a page of a long list costs a look at each of them and no more.
 */
export function pageInVersionOrder(
  tags: readonly string[],
  { after, order, most }: { after: string | null; order: 'asc' | 'desc'; most: number },
): string[] {
  const way = order === 'desc' ? -1 : 1
  const start = after === null ? null : { tag: after, version: parseVersion(after) }
  const first: ReadTag[] = []
  for (const tag of tags) {
    const read = { tag, version: parseVersion(tag) }
    if (start !== null && compare(read, start) * way <= 0) continue
    const last = first.length < most ? undefined : first.at(-1)
    if (last !== undefined && compare(read, last) * way > 0) continue
    let [from, to] = [0, first.length]
    while (from < to) {
      const middle = (from + to) >> 1
      const other = first[middle]
      if (other !== undefined && compare(read, other) * way > 0) from = middle + 1
      else to = middle
    }
    first.splice(from, 0, read)
    if (first.length > most) first.pop()
  }
  return first.map(({ tag }) => tag)
}

interface ReadTag {
  readonly tag: string
  readonly version: Version | null
}

function compare({ tag: a, version: versionA }: ReadTag, { tag: b, version: versionB }: ReadTag): number {
  if (versionA === null || versionB === null) {
    if (versionA === versionB) return natural(a, b) || ascii(a, b)
    return versionA === null ? 1 : -1
  }
  for (let at = 0; at < 3; at++) {
    const order = part(versionA.numbers[at], versionB.numbers[at])
    if (order !== 0) return order
  }
  return preRelease(versionA.pre, versionB.pre) || ascii(a, b)
}

interface Version {
  /** Without leading zeros. */
  readonly numbers: readonly string[]
  readonly pre: string | null
}

function parseVersion(tag: string): Version | null {
  const match = /^v?(\d+)(?:\.(\d+))?(?:\.(\d+))?(?:-([0-9A-Za-z.-]+))?$/.exec(tag)
  if (!match) return null
  const numbers = match.slice(1, 4).filter((number) => number !== undefined)
  return { numbers: numbers.map(withoutZeros), pre: match[4] ?? null }
}

function part(a: string | undefined, b: string | undefined): number {
  if (a === undefined || b === undefined) return Number(a !== undefined) - Number(b !== undefined)
  return compareNumbers(a, b)
}

function preRelease(a: string | null, b: string | null): number {
  if (a === null || b === null) return Number(a === null) - Number(b === null)
  const [left, right] = [a.split('.'), b.split('.')]
  for (let at = 0; at < Math.max(left.length, right.length); at++) {
    const [x, y] = [left[at], right[at]]
    if (x === undefined || y === undefined) return x === undefined ? -1 : 1
    const [numberX, numberY] = [/^\d+$/.test(x), /^\d+$/.test(y)]
    const order = numberX && numberY ? digits(x, y) : numberX !== numberY ? (numberX ? -1 : 1) : ascii(x, y)
    if (order !== 0) return order
  }
  return 0
}

/** For tags that are no versions: runs of digits compare as numbers, of any length; all else as ASCII. */
function natural(a: string, b: string): number {
  const [left, right] = [a.match(/\d+|\D+/g) ?? [], b.match(/\d+|\D+/g) ?? []]
  for (const [at, x] of left.entries()) {
    const y = right[at]
    if (y === undefined) return 1
    const numbers = /^\d/.test(x) && /^\d/.test(y)
    const order = numbers ? digits(x, y) : ascii(x, y)
    if (order !== 0) return order
  }
  return left.length - right.length
}

function digits(a: string, b: string): number {
  return compareNumbers(withoutZeros(a), withoutZeros(b))
}

/** Numbers of any length, without leading zeros. */
export function compareNumbers(a: string, b: string): number {
  return a.length - b.length || ascii(a, b)
}

export function withoutZeros(digits: string): string {
  return digits.startsWith('0') ? digits.replace(/^0+(?=\d)/, '') : digits
}

function ascii(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
