import type { OperationId, Verb } from '@sluice/contract'
import type { Actor, Store } from '@sluice/store'
import type { Asked, Call, Grants, Handle, Result } from './call.ts'
import { ApiError, notFound } from './problem.ts'
import { feedNamed, type FeedView, laneNamed, type LaneView } from './subjects.ts'

/** `see`: any verb that has to do with what is asked about; without it the answer is 404. */
type Need = Verb | 'see'

/** What the right to a request hangs on. */
export type RequestScope = NonNullable<Awaited<ReturnType<Store['requests']['scope']>>>

/** Who may make a call; the whole authorisation of `/api/v1` is the table in routes.ts, made of these. */
export type Rule =
  | 'anyone'
  /** Any credential; what is answered is cut down to what its grants reach. */
  | 'signed-in'
  /** A person, with a credential that is not narrowed to scopes. */
  | 'person'
  | { readonly role: 'admin' | 'auditor' }
  | { readonly feed: Need }
  | { readonly lane: { readonly from: Need; readonly to: Need } }
  /** On the feed that the request leads to; `own`: its requester, or who administers that feed. */
  | { readonly request: Need | 'own' }
  /** On the feed that the alert is about. */
  | { readonly alert: Verb }
  /** Who reports for the site. */
  | { readonly site: 'report' }

/** One call's rule, and what it does once admitted. */
export type Row<Id extends OperationId> = {
  readonly rule: Rule
  /** The rule needs the body, which is then checked first. */
  readonly afterBody: boolean
  /** Throws 403 or 404, or answers the rest of the call. */
  readonly admit: (asked: Asked) => Promise<Handle<Id>>
}

export function anyone<Id extends OperationId>(handle: Handle<Id>): Row<Id> {
  return { rule: 'anyone', afterBody: false, admit: async () => handle }
}

export function signedIn<Id extends OperationId>(handle: Handle<Id>): Row<Id> {
  return { rule: 'signed-in', afterBody: false, admit: async () => handle }
}

export function person<Id extends OperationId>(handle: Handle<Id>): Row<Id> {
  const admit = async ({ actor }: Asked) => {
    if (actor.kind !== 'person') throw new ApiError('forbidden', 'robots cannot do this; a person can')
    requireWhole(actor)
    return handle
  }
  return { rule: 'person', afterBody: false, admit }
}

/** An administrator may read what an auditor may. */
export function role<Id extends OperationId>(needed: 'admin' | 'auditor', handle: Handle<Id>): Row<Id> {
  const admit = async ({ actor }: Asked) => {
    if (!actor.roles.includes(needed) && !actor.roles.includes('admin')) {
      throw new ApiError('forbidden', `this needs the role ${needed}`)
    }
    requireWhole(actor)
    return handle
  }
  return { rule: { role: needed }, afterBody: false, admit }
}

type On<Id extends OperationId, Subject> = (call: Call<Id>, subject: Subject) => Promise<Result<Id>>

/** The feed of the path, or the one that the body names. */
export function onFeed<Id extends OperationId>(
  need: Need,
  handle: On<Id, FeedView>,
  { inBody = false }: { inBody?: boolean } = {},
): Row<Id> {
  const admit = async ({ services, grants, params, body }: Asked): Promise<Handle<Id>> => {
    const name = named(inBody ? body : params, 'feed')
    const feed = await feedNamed(services.store, name)
    if (feed === null || !sees(grants, feed.id)) throw notFound(`feed ${name}`)
    requireOn(grants, feed, need)
    return (call) => handle(call, feed)
  }
  return { rule: { feed: need }, afterBody: inBody, admit }
}

/** The lane of the path, or the one that the body names. */
export function onLane<Id extends OperationId>(
  need: { from: Need; to: Need },
  handle: On<Id, LaneView>,
  { inBody = false }: { inBody?: boolean } = {},
): Row<Id> {
  const admit = async ({ services, grants, params, body }: Asked): Promise<Handle<Id>> => {
    const name = named(inBody ? body : params, 'lane')
    const lane = await laneNamed(services.store, name)
    if (lane === null || !(sees(grants, lane.fromFeedId) || sees(grants, lane.toFeedId))) {
      throw notFound(`lane ${name}`)
    }
    requireOn(grants, { id: lane.fromFeedId, name: lane.from }, need.from)
    requireOn(grants, { id: lane.toFeedId, name: lane.to }, need.to)
    return (call) => handle(call, lane)
  }
  return { rule: { lane: need }, afterBody: inBody, admit }
}

/** A lane that is to be made between two feeds that exist. */
export function onNewLane<Id extends OperationId>(handle: On<Id, { from: FeedView; to: FeedView }>): Row<Id> {
  const admit = async ({ services, grants, body }: Asked): Promise<Handle<Id>> => {
    const administered = async (field: string): Promise<FeedView> => {
      const name = named(body, field)
      const feed = await feedNamed(services.store, name)
      if (feed === null || !sees(grants, feed.id)) throw notFound(`feed ${name}`)
      requireOn(grants, feed, 'admin')
      return feed
    }
    const [from, to] = [await administered('from'), await administered('to')]
    return (call) => handle(call, { from, to })
  }
  return { rule: { lane: { from: 'admin', to: 'admin' } }, afterBody: true, admit }
}

const NOT_OWN = 'only its requester, or an administrator of the feed it leads to, may do this'

export function onRequest<Id extends OperationId>(need: Need | 'own', handle: Handle<Id>): Row<Id> {
  const admit = async ({ services, actor, grants, params }: Asked): Promise<Handle<Id>> => {
    const id = params['id'] ?? ''
    const scope = await requestSeen(services.store, grants, id)
    const to = { id: scope.toFeedId, name: 'that it leads to' }
    if (need !== 'own') requireOn(grants, to, need)
    else if (!has(grants, to.id, 'admin')) {
      if (scope.requesterId !== actor.principalId) throw new ApiError('forbidden', NOT_OWN)
      requireOn(grants, to, 'request')
    }
    return handle
  }
  return { rule: { request: need }, afterBody: false, admit }
}

/** The feed of an alert. */
export function onAlert<Id extends OperationId>(need: Verb, handle: Handle<Id>): Row<Id> {
  const admit = async ({ services, grants, params }: Asked): Promise<Handle<Id>> => {
    const id = params['id'] ?? ''
    const alert = await services.store.remotes.alerts.feedOf(id)
    if (alert === null || !seesHistory(grants, alert.feedId)) throw notFound(`alert ${id}`)
    requireOn(grants, { id: alert.feedId, name: 'that it is about' }, need)
    return handle
  }
  return { rule: { alert: need }, afterBody: false, admit }
}

/** The site of the path; who does not report for it is not told whether it exists. */
export function onSite<Id extends OperationId>(need: 'report', handle: On<Id, { id: string }>): Row<Id> {
  const admit = async ({ services, actor, params }: Asked): Promise<Handle<Id>> => {
    const name = named(params, 'site')
    const site = (await services.store.sites.reporting(actor)).find((one) => one.name === name)
    if (site === undefined) throw notFound(`site ${name}`)
    return (call) => handle(call, site)
  }
  return { rule: { site: need }, afterBody: false, admit }
}

/** The feeds and the requester of a request. @throws ApiError not_found, also for what may not be seen */
export async function requestSeen(store: Store, grants: Grants, id: string): Promise<RequestScope> {
  const scope = await store.requests.scope(id)
  if (scope === null || !(seesHistory(grants, scope.fromFeedId) || seesHistory(grants, scope.toFeedId))) {
    throw notFound(`request ${id}`)
  }
  return scope
}

function named(fields: Readonly<Record<string, unknown>>, field: string): string {
  const name = fields[field]
  return typeof name === 'string' ? name : ''
}

export function has(grants: Grants, feedId: string, verb: Verb): boolean {
  return grants.get(feedId)?.has(verb) ?? false
}

/** Anyone with any verb on a feed knows that it exists. */
export function sees(grants: Grants, feedId: string): boolean {
  return (grants.get(feedId)?.size ?? 0) > 0
}

const HISTORY: readonly Verb[] = ['pull', 'request', 'approve', 'admin']

/** Who takes part in promotions into or out of a feed sees them; a pusher without `pull` does not. */
export function seesHistory(grants: Grants, feedId: string): boolean {
  return HISTORY.some((verb) => has(grants, feedId, verb))
}

export function historyFeedIds(grants: Grants): string[] {
  return [...grants.keys()].filter((feedId) => seesHistory(grants, feedId))
}

/** The feeds that may be pulled from. */
export function pullFeedIds(grants: Grants): string[] {
  return [...grants.keys()].filter((feedId) => has(grants, feedId, 'pull'))
}

/** The feeds whose recalls and purges are seen. */
export function recallFeedIds(grants: Grants): string[] {
  return [...grants.keys()].filter((feedId) => has(grants, feedId, 'pull') || has(grants, feedId, 'recall'))
}

/** A role sees what runs in every site, of whichever feed. */
export function seesEverySite({ scopes, roles }: Actor): boolean {
  return scopes.includes('*') && roles.length > 0
}

function requireOn(grants: Grants, feed: { id: string; name: string }, need: Need): void {
  if (need === 'see' || has(grants, feed.id, need)) return
  throw new ApiError('forbidden', `this needs the grant ${need} on the feed ${feed.name}`)
}

/** A token for one purpose does not administer, and makes no other tokens. */
function requireWhole(actor: Actor): void {
  if (!actor.scopes.includes('*')) throw new ApiError('forbidden', 'this needs a credential with the scope *')
}
