import { CallError, type Client, type Feed, type Grant, type Lane as LaneView } from '@sluice/contract'
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
  /** Answers what somebody else must still do before it holds; null: it does. */
  readonly make: () => Promise<string | null>
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
    return { kind: 'create', subject, diff: lines, make: done(() => client.createFeed({ body })) }
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
  const make = done(() => client.updateFeed({ params: { feed: name }, body }))
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
  const make = done(() => client.putGrants({ params, headers, body: wanted }))
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
const silentWithin = {
  vulnerabilities: { allow: { critical: 0, high: 0 } },
  ticket: { states: ['approved'] },
}

function filled(policy: object): object {
  const gates = 'gates' in policy && isObject(policy.gates) ? policy.gates : {}
  const within = Object.entries(silentWithin).flatMap(([gate, defaults]) => {
    const given = Object.entries(gates).find(([name]) => name === gate)?.[1]
    return isObject(given) ? [[gate, { ...defaults, ...given }]] : []
  })
  return { ...silent, ...policy, gates: { ...silentGates, ...gates, ...Object.fromEntries(within) } }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

async function planLane(client: Client, wanted: Lane): Promise<Change | undefined> {
  const { name, from, to, policy } = wanted
  const subject = `lane ${name}`
  const { items: lanes } = await collect(1_000_000, (query) => client.listLanes({ query }))
  const lane = lanes.find((one) => one.name === name)
  if (lane === undefined) {
    const lines = diff({}, { from, to, policy })
    const make = async () => awaited(await client.createLane({ body: wanted }))
    return { kind: 'create', subject, diff: lines, make }
  }
  if (lane.from !== from || lane.to !== to) {
    const route = `${lane.from} to ${lane.to}`
    throw new CliError('refused', `lane "${name}" goes from ${route}; a lane keeps its feeds: make another`)
  }
  if (policy === undefined) return undefined
  const full = filled(policy)
  const lines = diff(lane.policy, full)
  // What was proposed before waits for somebody else, not for another proposal.
  const proposed = lane.pending?.policy != null && diff(lane.pending.policy, full).length === 0
  const put = () => client.putLane({ params: { lane: name }, body: { policy } })
  const make = async () => awaited(proposed ? lane : await put())
  return lines.length === 0 ? undefined : { kind: 'change', subject, diff: lines, make }
}

function awaited({ name, pending }: LaneView): string | null {
  return pending === null
    ? null
    : `another administrator confirms it: sluice lanes confirm ${name} ${pending.id}`
}

function done(call: () => Promise<unknown>): Change['make'] {
  return async () => {
    await call()
    return null
  }
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
