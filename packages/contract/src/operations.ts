import { z } from 'zod'
import { approvalBody } from './approvals.ts'
import { auditEntries, auditQuery } from './audit.ts'
import { loginBody, passwordChange, session } from './auth.ts'
import { digestView } from './digests.ts'
import {
  EVIDENCE_BODY_LIMIT,
  evidence,
  evidenceBody,
  evidenceList,
  evidenceListQuery,
  evidenceQuery,
  evidenceWithContent,
  ticketBody,
  ticketHeaders,
  ticketKey,
} from './evidence.ts'
import { feed, feedBody, feedPatch, feeds, retentionPreview, retentionPreviewBody } from './feeds.ts'
import { feedName, id, name, page } from './grammar.ts'
import { grants, grantsBody } from './grants.ts'
import { group, groupBody, groupPatch, groups } from './groups.ts'
import { lane, laneBody, lanePut, lanePutQuery, lanes, laneVersions } from './lanes.ts'
import { me } from './me.ts'
import { promotions, promotionsQuery, weeks, weeksQuery } from './promotions.ts'
import { purge, purgeBody, purges, purgesQuery } from './purges.ts'
import { recall, recallBody, recalls, recallsQuery } from './recalls.ts'
import { lateReferrers, lateReferrersQuery } from './referrers.ts'
import {
  alert,
  alertResolution,
  alerts,
  alertsQuery,
  connectionTest,
  connectionTestBody,
  notification,
  notificationHeaders,
  notificationKey,
} from './remotes.ts'
import { repositories, repositoriesQuery } from './repositories.ts'
import {
  breakGlassBody,
  evaluation,
  idempotencyHeaders,
  request,
  requestBody,
  requests,
  requestsQuery,
  reviewBody,
} from './requests.ts'
import {
  REPORT_BODY_LIMIT,
  report,
  reportBody,
  runningList,
  runningQuery,
  site,
  siteBody,
  sitePatch,
  sites,
} from './sites.ts'
import { stages, stagesQuery } from './stages.ts'
import { storageOverview } from './storage.ts'
import {
  restoreBody,
  restored,
  tagHistory,
  tagHistoryQuery,
  tagMoves,
  tagMovesQuery,
  tags,
  tagsQuery,
} from './tags.ts'
import { newToken, tokenBody, tokens } from './tokens.ts'
import { newUser, user, userBody, userPatch, users } from './users.ts'
import { verdict, verifyBody } from './verify.ts'

/** One call of `/api/v1`. `answers` by status; null is an answer without a body. */
export type Operation = {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Under `/api/v1`, with `{name}` for each of `params`. */
  readonly path: string
  readonly summary: string
  readonly params?: z.ZodObject
  readonly query?: z.ZodObject
  readonly headers?: z.ZodObject
  readonly body?: z.ZodType
  /** Bytes; 1 MiB unless said. */
  readonly bodyLimit?: number
  /** Beside `application/json`. */
  readonly bodyType?: string
  readonly answers: Readonly<Record<number, z.ZodType | null>>
}

const byName = z.object({ name })
const byId = z.object({ id })
const byFeed = z.object({ feed: feedName })
const byLane = z.object({ lane: name })
const byLaneChange = z.object({ lane: name, id })
const bySite = z.object({ site: name })
const byDigest = z.object({ digest: z.string() })
const paged = z.strictObject(page)
const ifMatch = z.object({ 'if-match': z.string().max(255).optional() })

/** Every call there is: OpenAPI, the client and the server's routes are derived from this table. */
export const operations = {
  login: {
    method: 'POST',
    path: '/auth/login',
    summary: 'Sign in with user name and password',
    body: loginBody,
    answers: { 200: session },
  },
  logout: {
    method: 'POST',
    path: '/auth/logout',
    summary: 'Sign out: the token that asks ends',
    answers: { 204: null },
  },
  getMe: { method: 'GET', path: '/me', summary: 'Who am I, with my grants', answers: { 200: me } },
  changePassword: {
    method: 'POST',
    path: '/me/password',
    summary: 'Change my password',
    body: passwordChange,
    answers: { 204: null },
  },

  listUsers: {
    method: 'GET',
    path: '/users',
    summary: 'List users',
    query: paged,
    answers: { 200: users },
  },
  createUser: {
    method: 'POST',
    path: '/users',
    summary: 'Create a user; a password that is generated is shown once',
    body: userBody,
    answers: { 201: newUser },
  },
  getUser: {
    method: 'GET',
    path: '/users/{name}',
    summary: 'One user',
    params: byName,
    answers: { 200: user },
  },
  updateUser: {
    method: 'PATCH',
    path: '/users/{name}',
    summary: 'Change a user',
    params: byName,
    body: userPatch,
    answers: { 200: user },
  },
  deleteUser: {
    method: 'DELETE',
    path: '/users/{name}',
    summary: 'Disable a user; what the user did stays recorded',
    params: byName,
    answers: { 204: null },
  },

  listGroups: {
    method: 'GET',
    path: '/groups',
    summary: 'List groups',
    query: paged,
    answers: { 200: groups },
  },
  createGroup: {
    method: 'POST',
    path: '/groups',
    summary: 'Create a group',
    body: groupBody,
    answers: { 201: group },
  },
  getGroup: {
    method: 'GET',
    path: '/groups/{name}',
    summary: 'One group',
    params: byName,
    answers: { 200: group },
  },
  updateGroup: {
    method: 'PATCH',
    path: '/groups/{name}',
    summary: 'Replace the members of a group',
    params: byName,
    body: groupPatch,
    answers: { 200: group },
  },
  deleteGroup: {
    method: 'DELETE',
    path: '/groups/{name}',
    summary: 'Remove a group and its grants',
    params: byName,
    answers: { 204: null },
  },

  listTokens: {
    method: 'GET',
    path: '/tokens',
    summary: 'My API tokens',
    query: paged,
    answers: { 200: tokens },
  },
  createToken: {
    method: 'POST',
    path: '/tokens',
    summary: 'Create an API token; its secret is shown once',
    body: tokenBody,
    answers: { 201: newToken },
  },
  revokeToken: {
    method: 'DELETE',
    path: '/tokens/{id}',
    summary: 'Revoke an API token',
    params: byId,
    answers: { 204: null },
  },

  listFeeds: {
    method: 'GET',
    path: '/feeds',
    summary: 'List feeds',
    query: paged,
    answers: { 200: feeds },
  },
  createFeed: {
    method: 'POST',
    path: '/feeds',
    summary: 'Create a feed',
    body: feedBody,
    answers: { 201: feed },
  },
  getFeed: {
    method: 'GET',
    path: '/feeds/{feed}',
    summary: 'One feed, by its current or a former name',
    params: byFeed,
    answers: { 200: feed },
  },
  updateFeed: {
    method: 'PATCH',
    path: '/feeds/{feed}',
    summary: 'Change or rename a feed',
    params: byFeed,
    body: feedPatch,
    answers: { 200: feed },
  },
  deleteFeed: {
    method: 'DELETE',
    path: '/feeds/{feed}',
    summary: 'Delete a feed; its names stay reserved',
    params: byFeed,
    answers: { 204: null },
  },
  previewRetention: {
    method: 'POST',
    path: '/feeds/{feed}/retention/preview',
    summary: 'What retention rules would let go of now; no effect',
    params: byFeed,
    body: retentionPreviewBody,
    answers: { 200: retentionPreview },
  },
  testConnection: {
    method: 'POST',
    path: '/feeds/{feed}/connection-test',
    summary: 'Whether the registry of a remote feed can be reached and takes the credentials, step by step',
    params: byFeed,
    body: connectionTestBody,
    answers: { 200: connectionTest },
  },
  getNotificationKey: {
    method: 'GET',
    path: '/feeds/{feed}/notification-key',
    summary: 'Where and with what header the registry of a remote feed sends its notifications',
    params: byFeed,
    answers: { 200: notificationKey },
  },
  notifyFeed: {
    method: 'POST',
    path: '/feeds/{feed}/notifications',
    summary: 'The registry of a remote feed says that something changed there; it is looked at',
    params: byFeed,
    headers: notificationHeaders,
    body: notification,
    // What Distribution sends.
    bodyType: 'application/vnd.docker.distribution.events.v1+json',
    answers: { 202: null },
  },
  listAlerts: {
    method: 'GET',
    path: '/alerts',
    summary: 'Tags of trusted remote feeds that are not where promotions put them, newest first',
    query: alertsQuery,
    answers: { 200: alerts },
  },
  resolveAlert: {
    method: 'POST',
    path: '/alerts/{id}/resolve',
    summary: 'End an alert: the tag was restored, or is accepted as it is',
    params: byId,
    body: alertResolution,
    answers: { 200: alert },
  },
  getGrants: {
    method: 'GET',
    path: '/feeds/{feed}/grants',
    summary: 'Who may do what on a feed',
    params: byFeed,
    answers: { 200: grants },
  },
  putGrants: {
    method: 'PUT',
    path: '/feeds/{feed}/grants',
    summary: 'Replace all grants of a feed',
    params: byFeed,
    headers: ifMatch,
    body: grantsBody,
    answers: { 200: grants },
  },
  listRepositories: {
    method: 'GET',
    path: '/feeds/{feed}/repositories',
    summary: 'Repositories of a feed',
    params: byFeed,
    query: repositoriesQuery,
    answers: { 200: repositories },
  },
  listTags: {
    method: 'GET',
    path: '/feeds/{feed}/tags',
    summary: 'Tags of a repository in version order',
    params: byFeed,
    query: tagsQuery,
    answers: { 200: tags },
  },
  listTagHistory: {
    method: 'GET',
    path: '/feeds/{feed}/tags/history',
    summary: 'Every move of a tag, newest first; with `at`, what it pointed at then',
    params: byFeed,
    query: tagHistoryQuery,
    answers: { 200: tagHistory },
  },
  listStages: {
    method: 'GET',
    path: '/stages',
    summary: 'Which version of each repository stands in which feed',
    query: stagesQuery,
    answers: { 200: stages },
  },
  listTagMoves: {
    method: 'GET',
    path: '/tag-moves',
    summary: 'Every move of every tag, newest first',
    query: tagMovesQuery,
    answers: { 200: tagMoves },
  },
  restoreTag: {
    method: 'POST',
    path: '/feeds/{feed}/tags/restore',
    summary: 'Point a tag at a digest that it was on before: a new move',
    params: byFeed,
    body: restoreBody,
    answers: { 200: restored },
  },

  listLanes: {
    method: 'GET',
    path: '/lanes',
    summary: 'List lanes',
    query: paged,
    answers: { 200: lanes },
  },
  createLane: {
    method: 'POST',
    path: '/lanes',
    summary: 'Create a lane',
    body: laneBody,
    answers: { 201: lane, 202: lane },
  },
  getLane: {
    method: 'GET',
    path: '/lanes/{lane}',
    summary: 'One lane with its policy',
    params: byLane,
    answers: { 200: lane },
  },
  putLane: {
    method: 'PUT',
    path: '/lanes/{lane}',
    summary: 'Give a lane a new policy version',
    params: byLane,
    query: lanePutQuery,
    body: lanePut,
    answers: { 200: lane, 202: lane },
  },
  listLaneVersions: {
    method: 'GET',
    path: '/lanes/{lane}/versions',
    summary: 'Every version of a lane, the latest first',
    params: byLane,
    query: paged,
    answers: { 200: laneVersions },
  },
  confirmLaneChange: {
    method: 'POST',
    path: '/lanes/{lane}/changes/{id}/confirm',
    summary: 'Make a change that another administrator proposed',
    params: byLaneChange,
    answers: { 200: lane, 204: null },
  },
  withdrawLaneChange: {
    method: 'DELETE',
    path: '/lanes/{lane}/changes/{id}',
    summary: 'Take a proposed change back',
    params: byLaneChange,
    answers: { 204: null },
  },
  deleteLane: {
    method: 'DELETE',
    path: '/lanes/{lane}',
    summary: 'Delete a lane; 202 while a second administrator must confirm',
    params: byLane,
    answers: { 202: lane, 204: null },
  },

  getTicketKey: {
    method: 'GET',
    path: '/lanes/{lane}/ticket-keys/{key}',
    summary: 'The secret that callbacks about tickets are signed with under this key',
    params: z.object({ lane: name, key: ticketHeaders.shape['sluice-key'] }),
    answers: { 200: ticketKey },
  },

  addEvidence: {
    method: 'POST',
    path: '/evidence',
    summary: 'Store evidence about a digest; sent again, it is answered with 200',
    query: evidenceQuery,
    body: evidenceBody,
    bodyLimit: EVIDENCE_BODY_LIMIT,
    answers: { 200: evidence, 201: evidence },
  },
  listEvidence: {
    method: 'GET',
    path: '/evidence',
    summary: 'Evidence about a digest, newest first',
    query: evidenceListQuery,
    answers: { 200: evidenceList },
  },
  getEvidence: {
    method: 'GET',
    path: '/evidence/{id}',
    summary: 'One piece of evidence with its raw content',
    params: byId,
    answers: { 200: evidenceWithContent },
  },

  createRequest: {
    method: 'POST',
    path: '/requests',
    summary: 'Ask to promote; an identical open request is answered with 200',
    headers: idempotencyHeaders,
    body: requestBody,
    answers: { 200: request, 201: request },
  },
  evaluateRequest: {
    method: 'POST',
    path: '/requests/evaluate',
    summary: 'What every gate would say; changes nothing',
    body: requestBody,
    answers: { 200: evaluation },
  },
  listRequests: {
    method: 'GET',
    path: '/requests',
    summary: 'List requests, newest first',
    query: requestsQuery,
    answers: { 200: requests },
  },
  getRequest: {
    method: 'GET',
    path: '/requests/{id}',
    summary: 'One request',
    params: byId,
    answers: { 200: request },
  },
  decideRequest: {
    method: 'POST',
    path: '/requests/{id}/approvals',
    summary: 'Approve or reject',
    params: byId,
    body: approvalBody,
    answers: { 201: request },
  },
  revokeApproval: {
    method: 'DELETE',
    path: '/requests/{id}/approvals/mine',
    summary: 'Take my approval back',
    params: byId,
    answers: { 200: request },
  },
  cancelRequest: {
    method: 'POST',
    path: '/requests/{id}/cancel',
    summary: 'Cancel a request',
    params: byId,
    answers: { 200: request },
  },
  retryRequest: {
    method: 'POST',
    path: '/requests/{id}/retry',
    summary: 'Run an ERRORED promotion again',
    params: byId,
    answers: { 200: request },
  },
  listLateReferrers: {
    method: 'GET',
    path: '/requests/{id}/referrers',
    summary: 'Signatures, SBOMs and attestations that came after the promotion, newest first',
    params: byId,
    query: lateReferrersQuery,
    answers: { 200: lateReferrers },
  },
  scanReferrers: {
    method: 'POST',
    path: '/requests/{id}/referrers',
    summary: 'Look now at what came to the source after the promotion; a worker does',
    params: byId,
    answers: { 204: null },
  },
  reportTicket: {
    method: 'POST',
    path: '/requests/{id}/tickets',
    summary: 'The state of a ticket, said by the ticket system and signed with a key of the lane',
    params: byId,
    headers: ticketHeaders,
    body: ticketBody,
    answers: { 204: null },
  },
  listPromotions: {
    method: 'GET',
    path: '/promotions',
    summary: 'Executed promotions, newest first',
    query: promotionsQuery,
    answers: { 200: promotions },
  },
  getWeeks: {
    method: 'GET',
    path: '/promotions/weeks',
    summary: 'The last weeks in figures: promoted, failed, lead time, wait for a decision',
    query: weeksQuery,
    answers: { 200: weeks },
  },
  getDigest: {
    method: 'GET',
    path: '/digests/{digest}',
    summary: 'Where a digest is, and who let it in',
    params: byDigest,
    answers: { 200: digestView },
  },
  verify: {
    method: 'POST',
    path: '/verify',
    summary: 'Was this image let in?',
    body: verifyBody,
    answers: { 200: verdict },
  },
  breakGlass: {
    method: 'POST',
    path: '/break-glass',
    summary: 'Let images in without a quorum, on record',
    body: breakGlassBody,
    answers: { 201: request },
  },
  reviewRequest: {
    method: 'POST',
    path: '/requests/{id}/review',
    summary: 'Say that you looked at what was let in without a quorum',
    params: byId,
    body: reviewBody,
    answers: { 201: request },
  },
  createRecall: {
    method: 'POST',
    path: '/recalls',
    summary: 'Withdraw what was let in; a recall that stands is answered with 200',
    body: recallBody,
    answers: { 200: recall, 201: recall },
  },
  listRecalls: {
    method: 'GET',
    path: '/recalls',
    summary: 'Recalls, newest first',
    query: recallsQuery,
    answers: { 200: recalls },
  },
  openPurge: {
    method: 'POST',
    path: '/purges',
    summary:
      'Ask for the bytes of what is recalled to be removed; the purge of that recall is answered with 200',
    body: purgeBody,
    answers: { 200: purge, 201: purge },
  },
  confirmPurge: {
    method: 'POST',
    path: '/purges/{id}/confirm',
    summary: 'Remove them: by another person than the one who asked',
    params: byId,
    answers: { 200: purge },
  },
  listPurges: {
    method: 'GET',
    path: '/purges',
    summary: 'Purges, newest first',
    query: purgesQuery,
    answers: { 200: purges },
  },
  listSites: {
    method: 'GET',
    path: '/sites',
    summary: 'Where images run: clusters, namespaces and hosts that report, with counts',
    query: paged,
    answers: { 200: sites },
  },
  createSite: {
    method: 'POST',
    path: '/sites',
    summary: 'Create a site, and say who reports for it',
    body: siteBody,
    answers: { 201: site },
  },
  getSite: {
    method: 'GET',
    path: '/sites/{site}',
    summary: 'One site',
    params: bySite,
    answers: { 200: site },
  },
  updateSite: {
    method: 'PATCH',
    path: '/sites/{site}',
    summary: 'Change who reports, and when a site is stale',
    params: bySite,
    body: sitePatch,
    answers: { 200: site },
  },
  deleteSite: {
    method: 'DELETE',
    path: '/sites/{site}',
    summary: 'Delete a site: what it reported no longer counts; its history stays',
    params: bySite,
    answers: { 204: null },
  },
  reportRunning: {
    method: 'PUT',
    path: '/sites/{site}/running',
    summary: 'Everything that runs in the site now; replaces the report before',
    params: bySite,
    body: reportBody,
    bodyLimit: REPORT_BODY_LIMIT,
    answers: { 200: report },
  },
  listRunning: {
    method: 'GET',
    path: '/running',
    summary: 'What runs where, and how it stands to what was let in; what began last first',
    query: runningQuery,
    answers: { 200: runningList },
  },
  getStorage: {
    method: 'GET',
    path: '/storage',
    summary: 'What is stored, what the collector and the scrubber did last, and what is damaged',
    answers: { 200: storageOverview },
  },
  listAudit: {
    method: 'GET',
    path: '/audit',
    summary: 'Audit entries, newest first',
    query: auditQuery,
    answers: { 200: auditEntries },
  },
} as const satisfies Record<string, Operation>

export type Operations = typeof operations
export type OperationId = keyof Operations

const isOperationId = (id: string): id is OperationId => Object.hasOwn(operations, id)
export const operationIds: readonly OperationId[] = Object.keys(operations).filter(isOperationId)

type Part<O, K extends string> = O extends { readonly [P in K]: infer S extends z.ZodType }
  ? Exact<z.output<S>>
  : undefined

/** Neither JSON nor a query string knows `undefined`: what is not there is absent. */
type Exact<T> = T extends readonly (infer Item)[]
  ? Exact<Item>[]
  : T extends object
    ? { [K in keyof T]: Exact<Exclude<T[K], undefined>> }
    : T

/** What the server has of a call once it is checked, defaults filled in. */
export type Received<Id extends OperationId> = {
  readonly [K in 'params' | 'query' | 'headers' | 'body']: Part<Operations[Id], K>
}

type Answers<Id extends OperationId> = Operations[Id]['answers'][keyof Operations[Id]['answers']]
/** The body of a call's answer. */
export type Answer<Id extends OperationId> =
  Answers<Id> extends infer S ? (S extends z.ZodType ? z.output<S> : undefined) : never
