export type Candidate = { readonly tag: string; readonly digest: string; readonly pushedAt: string }

/**
 * What a request is compared with: what its target tag pointed at when it was made; else the release before
 * it; else the newest of the target repository. Null: the image is new there.
 */
export function pickBaseline(
  asked: {
    readonly tags: readonly { readonly tag: string; readonly expected: string | null }[]
    readonly digest: string
  },
  candidates: readonly Candidate[],
): { readonly tag: string; readonly digest: string } | null {
  const replaced = asked.tags.find(({ expected }) => expected !== null && expected !== asked.digest)
  if (replaced?.expected != null) return { tag: replaced.tag, digest: replaced.expected }
  const own = new Set(asked.tags.map(({ tag }) => tag))
  const others = candidates.filter(({ tag, digest }) => !own.has(tag) && digest !== asked.digest)
  const version = asked.tags.map(({ tag }) => release(tag)).find((found) => found !== null)
  const releases = others
    .map((candidate) => ({ candidate, version: release(candidate.tag) }))
    .filter((one): one is { candidate: Candidate; version: Release } => one.version !== null)
    .sort((a, b) => compare(b.version, a.version))
  const before = version == null ? undefined : releases.find((one) => compare(one.version, version) < 0)
  const newest = others.toSorted((a, b) => (a.pushedAt < b.pushedAt ? 1 : -1))[0]
  return before?.candidate ?? releases[0]?.candidate ?? newest ?? null
}

type Release = readonly [number, number, number]

/** `X.Y.Z` without a pre-release, which nobody runs as the one before. */
function release(tag: string): Release | null {
  const match = /^v?(\d{1,15})\.(\d{1,15})\.(\d{1,15})$/.exec(tag)
  return match === null ? null : [Number(match[1]), Number(match[2]), Number(match[3])]
}

const compare = (a: Release, b: Release): number => a[0] - b[0] || a[1] - b[1] || a[2] - b[2]
