import { requestStates, standings } from '@sluice/contract'

/** What each view keeps in its address. Unknown or malformed values are left out, never an error. */
type Given = Record<string, unknown>

// A version such as 1.10 arrives as a number where nobody quoted it.
const text = (value: unknown): string | undefined => {
  if (typeof value === 'number') return String(value)
  return typeof value === 'string' && value !== '' ? value.slice(0, 2048) : undefined
}
const one = <T extends string>(of: readonly T[], value: unknown): T | undefined =>
  of.find((item) => item === value)

const given = <V>(value: V): value is Exclude<V, undefined> => value !== undefined

/** Leaves out what is undefined, so that an address has only what was chosen. */
function chosen<T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const kept: { [K in keyof T]?: Exclude<T[K], undefined> } = {}
  for (const name in values) {
    const value = values[name]
    if (given(value)) kept[name] = value
  }
  return kept
}

export const inboxShows = ['waiting', 'mine', 'running', 'wrong', 'all'] as const
export type InboxShow = (typeof inboxShows)[number]

export const returnSearch = (given: Given) => chosen({ return: text(given['return']) })

export const inboxSearch = (given: Given) =>
  chosen({
    show: one(inboxShows, given['show']),
    lane: text(given['lane']),
    state: one(requestStates, given['state']),
    find: text(given['find']),
  })

export const requestSearch = (given: Given) =>
  chosen({
    item: typeof given['item'] === 'number' ? given['item'] : undefined,
    against: text(given['against']),
    platform: text(given['platform']),
  })

/** `?image=A&image=B%20stable`: several, as a link of a CI run writes them, or one. */
export const releaseSearch = (given: Given) => {
  const images = [given['image']].flat().flatMap((value) => text(value) ?? [])
  return chosen({
    lane: text(given['lane']),
    image: images.length === 0 ? undefined : images,
    reason: text(given['reason']),
  })
}

export const repositorySearch = (given: Given) =>
  chosen({ tag: text(given['tag']), find: text(given['find']) })
export const findSearch = (given: Given) => chosen({ find: text(given['find']) })
export const recallsSearch = (given: Given) =>
  chosen({ show: one(['all'] as const, given['show']), find: text(given['find']) })
export const siteSearch = (given: Given) => chosen({ standing: one(standings, given['standing']) })
export const laneSearch = (given: Given) => chosen({ edit: one(['form', 'yaml'] as const, given['edit']) })

const history = (given: Given) => ({
  feed: text(given['feed']),
  repository: text(given['repository']),
  tag: text(given['tag']),
  digest: text(given['digest']),
  actor: text(given['actor']),
  since: text(given['since']),
  until: text(given['until']),
})
export const historySearch = (given: Given) => chosen(history(given))
export const tagMovesSearch = (given: Given) => chosen({ ...history(given), at: text(given['at']) })
export const chartsSearch = (given: Given) => chosen({ feed: text(given['feed']) })

export const grantsSearch = (given: Given) => chosen({ feed: text(given['feed']) })
