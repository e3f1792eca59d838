import { CallError, type Client, type Feed, type Grant } from '@sluice/contract'
import { CliError } from '../errors.ts'
import { collect } from '../pages.ts'
import { diff } from './diff.ts'
import type { Wanted } from './document.ts'
import type { Shell } from '../shell.ts'
import { withoutMarks, withoutSecrets, withSecrets } from './remote.ts'

/** One difference between the file and the service, and how it is made up for. */
export type Change = {
  readonly kind: 'create' | 'change'
  readonly subject: string
  readonly diff: readonly string[]
  readonly make: () => Promise<unknown>
}

/** What to do, in order: feeds, then who may use them, then lanes. Only reads. */
export async function plan(client: Client, wanted: Wanted, env: Env): Promise<Change[]> {
  const { feeds = [], grants = {}, lanes = [] } = wanted
  const made = feeds.map(({ name }) => name)
  return [
    ...(await each(feeds, (feed) => planFeed(client, feed, env))),
    ...(await each(Object.entries(grants), ([feed, list]) => planGrants(client, feed, list, made))),
    ...(await each(lanes, (lane) => planLane(client, lane))),
  ]
}

async function each<T>(
  list: readonly T[],
  step: (item: T) => Promise<Change | undefined>,
): Promise<Change[]> {
  const changes: Change[] = []
  for (const item of list) {
    const change = await step(item)
    if (change !== undefined) changes.push(change)
  }
  return changes
}

type Env = Shell['env']
type WantedFeed = NonNullable<Wanted['feeds']>[number]

async function planFeed(client: Client, wanted: WantedFeed, env: Env): Promise<Change | undefined> {
  const { name, kind = 'hosted', remote, ...patch } = wanted
  const subject = `feed ${name}`
  // Also where nothing differs: a variable that is missing is found now, not with the next change.
  const reached = remote && withSecrets(name, remote, env)
  const shown = remote && withoutSecrets(remote)
  const feed = await orMissing(client.getFeed({ params: { feed: name } }))
  if (feed === undefined) {
    const lines = diff({}, shown === undefined ? patch : { ...patch, kind, remote: shown })
    const body = { name, kind, ...patch, ...(reached && { remote: reached }) }
    return { kind: 'create', subject, diff: lines, make: () => client.createFeed({ body }) }
  }
  if (feed.name !== name) {
    throw new CliError('refused', `"${name}" is a former name of the feed "${feed.name}": use that one`)
  }
  if (feed.kind !== kind) {
    throw new CliError('refused', `"${name}" is ${feed.kind}, and a feed keeps its kind: make another`)
  }
  const has = feed.remote && shown ? { remote: only(withoutMarks(feed.remote), shown) } : {}
  const differs = diff(has, shown === undefined ? {} : { remote: shown })
  const lines = [...diff(had(feed, patch), patch), ...differs]
  const body = { ...patch, ...(reached && differs.length > 0 && { remote: reached }) }
  const make = () => client.updateFeed({ params: { feed: name }, body })
  return lines.length === 0 ? undefined : { kind: 'change', subject, diff: lines, make }
}

type Grants = NonNullable<Wanted['grants']>[string]

async function planGrants(
  client: Client,
  feed: string,
  wanted: Grants,
  made: readonly string[],
): Promise<Change | undefined> {
  const params = { feed }
  const reply = await orMissing(client.send('getGrants', { params }))
  if (reply === undefined && !made.includes(feed)) {
    throw new CliError('refused', `grants.${feed}: there is no such feed that you may see`)
  }
  const lines = diff(byPrincipal(reply?.body.items ?? []), byPrincipal(wanted))
  if (lines.length === 0) return undefined
  // What somebody else changed since it was read is not overwritten.
  const headers = reply?.etag == null ? {} : { 'if-match': reply.etag }
  const make = () => client.putGrants({ params, headers, body: wanted })
  return { kind: 'change', subject: `grants of ${feed}`, diff: lines, make }
}

/** A bare name is a user; the order of principals and verbs says nothing. */
function byPrincipal(grants: readonly Grant[]): Record<string, string> {
  return Object.fromEntries(
    grants.map(({ principal, verbs }) => {
      const full = principal === '*' || principal.includes(':') ? principal : `user:${principal}`
      return [full, [...new Set(verbs)].sort().join(' ')]
    }),
  )
}

type Lane = NonNullable<Wanted['lanes']>[number]

// What the service fills in where a policy is silent; without it every apply would see a difference.
const silent = { requestExpiresAfter: { hours: 168 } }
const silentGates = { quorum: [{ count: 1 }], requester: 'excluded' }

async function planLane(client: Client, wanted: Lane): Promise<Change | undefined> {
  const { name, from, to, policy } = wanted
  const subject = `lane ${name}`
  const { items: lanes } = await collect(1_000_000, (query) => client.listLanes({ query }))
  const lane = lanes.find((one) => one.name === name)
  if (lane === undefined) {
    const lines = diff({}, { from, to, policy })
    return { kind: 'create', subject, diff: lines, make: () => client.createLane({ body: wanted }) }
  }
  if (lane.from !== from || lane.to !== to) {
    const route = `${lane.from} to ${lane.to}`
    throw new CliError('refused', `lane "${name}" goes from ${route}; a lane keeps its feeds: make another`)
  }
  if (policy === undefined) return undefined
  const { gates: given, ...rest } = policy
  const gates = typeof given === 'object' && given !== null ? given : {}
  const full = { ...silent, ...rest, gates: { ...silentGates, ...gates } }
  const lines = diff(lane.policy, full)
  const make = () => client.putLane({ params: { lane: name }, body: { policy } })
  return lines.length === 0 ? undefined : { kind: 'change', subject, diff: lines, make }
}

/** What the feed has of what is wanted: of its cache, what can be set. */
function had(feed: Feed, wanted: { readonly cache?: object | undefined }): object {
  const { cache } = wanted
  return { ...only(feed, wanted), ...(cache && { cache: only(feed.cache ?? {}, cache) }) }
}

function only(whole: object, keys: object): object {
  return Object.fromEntries(Object.entries(whole).filter(([key]) => key in keys))
}

async function orMissing<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer
  } catch (error) {
    if (error instanceof CallError && error.status === 404) return undefined
    throw error
  }
}
