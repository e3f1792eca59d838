import type { OperationId } from '@sluice/contract'
import {
  anyone,
  onAlert,
  onFeed,
  onLane,
  onNewLane,
  onRequest,
  onSite,
  person,
  type Row,
  role,
  signedIn,
} from './access.ts'
import * as alerts from './calls/alerts.ts'
import * as evidence from './calls/evidence.ts'
import * as feeds from './calls/feeds.ts'
import * as groups from './calls/groups.ts'
import * as history from './calls/history.ts'
import * as lanes from './calls/lanes.ts'
import * as purges from './calls/purges.ts'
import * as recalls from './calls/recalls.ts'
import * as referrers from './calls/referrers.ts'
import * as remotes from './calls/remotes.ts'
import * as repositories from './calls/repositories.ts'
import * as requests from './calls/requests.ts'
import * as session from './calls/session.ts'
import * as sites from './calls/sites.ts'
import * as stages from './calls/stages.ts'
import * as storage from './calls/storage.ts'
import * as tickets from './calls/tickets.ts'
import * as tokens from './calls/tokens.ts'
import * as users from './calls/users.ts'

/**
 * The whole authorisation of `/api/v1`: who may make each call. What is not in this table is not mounted.
 * `signed-in` calls answer only with what the caller's grants reach.
 */
export const routes: { readonly [Id in OperationId]: Row<Id> } = {
  login: anyone(session.login),
  logout: signedIn(session.logout),
  getMe: signedIn(session.getMe),
  changePassword: signedIn(session.changePassword),

  listUsers: role('admin', users.listUsers),
  createUser: role('admin', users.createUser),
  getUser: role('admin', users.getUser),
  updateUser: role('admin', users.updateUser),
  deleteUser: role('admin', users.deleteUser),

  listGroups: role('admin', groups.listGroups),
  createGroup: role('admin', groups.createGroup),
  getGroup: role('admin', groups.getGroup),
  updateGroup: role('admin', groups.updateGroup),
  deleteGroup: role('admin', groups.deleteGroup),

  listTokens: person(tokens.listTokens),
  createToken: person(tokens.createToken),
  revokeToken: person(tokens.revokeToken),

  listFeeds: signedIn(feeds.listFeeds),
  createFeed: role('admin', feeds.createFeed),
  getFeed: onFeed('see', feeds.getFeed),
  updateFeed: onFeed('admin', feeds.updateFeed),
  deleteFeed: onFeed('admin', feeds.deleteFeed),
  previewRetention: onFeed('admin', feeds.previewRetention),
  testConnection: onFeed('admin', remotes.testConnection),
  getNotificationKey: onFeed('admin', remotes.getNotificationKey),
  // Shows the notification key of its feed, which stands in for a credential.
  notifyFeed: anyone(remotes.notifyFeed),
  listAlerts: signedIn(alerts.listAlerts),
  resolveAlert: onAlert('admin', alerts.resolveAlert),
  getGrants: onFeed('admin', feeds.getGrants),
  putGrants: onFeed('admin', feeds.putGrants),
  listRepositories: onFeed('pull', repositories.listRepositories),
  listTags: onFeed('pull', repositories.listTags),
  listTagHistory: onFeed('pull', repositories.listTagHistory),
  listTagMoves: signedIn(history.listTagMoves),
  listStages: signedIn(stages.listStages),
  restoreTag: onFeed('push', repositories.restoreTag),

  listLanes: signedIn(lanes.listLanes),
  createLane: onNewLane(lanes.createLane),
  getLane: onLane({ from: 'see', to: 'see' }, lanes.getLane),
  putLane: onLane({ from: 'admin', to: 'admin' }, lanes.putLane),
  deleteLane: onLane({ from: 'admin', to: 'admin' }, lanes.deleteLane),
  listLaneVersions: onLane({ from: 'see', to: 'see' }, lanes.listLaneVersions),
  confirmLaneChange: role('admin', lanes.confirmLaneChange),
  withdrawLaneChange: role('admin', lanes.withdrawLaneChange),

  getTicketKey: onLane({ from: 'admin', to: 'admin' }, tickets.getTicketKey),

  addEvidence: signedIn(evidence.addEvidence),
  listEvidence: signedIn(evidence.listEvidence),
  getEvidence: signedIn(evidence.getEvidence),

  createRequest: onLane({ from: 'pull', to: 'request' }, requests.createRequest, { inBody: true }),
  evaluateRequest: onLane({ from: 'pull', to: 'request' }, requests.evaluateRequest, { inBody: true }),
  listRequests: signedIn(requests.listRequests),
  getRequest: onRequest('see', requests.getRequest),
  decideRequest: onRequest('approve', requests.decideRequest),
  revokeApproval: onRequest('approve', requests.revokeApproval),
  cancelRequest: onRequest('own', requests.cancelRequest),
  retryRequest: onRequest('request', requests.retryRequest),
  listLateReferrers: onRequest('see', referrers.listLateReferrers),
  scanReferrers: onRequest('request', referrers.scanReferrers),
  // Signed with a key of the request's lane, which stands in for a credential.
  reportTicket: anyone(tickets.reportTicket),
  listPromotions: signedIn(history.listPromotions),
  getWeeks: signedIn(history.getWeeks),
  getDigest: signedIn(history.getDigest),
  verify: signedIn(history.verify),
  breakGlass: onLane({ from: 'pull', to: 'break-glass' }, requests.breakGlass, { inBody: true }),
  reviewRequest: onRequest('approve', requests.reviewRequest),
  createRecall: onFeed('recall', recalls.createRecall, { inBody: true }),
  listRecalls: signedIn(recalls.listRecalls),
  openPurge: role('admin', purges.openPurge),
  // Admins, and persons with `recall` on the feed of the recall; to others it is not there.
  confirmPurge: person(purges.confirmPurge),
  listPurges: signedIn(purges.listPurges),
  listSites: signedIn(sites.listSites),
  createSite: role('admin', sites.createSite),
  getSite: signedIn(sites.getSite),
  updateSite: role('admin', sites.updateSite),
  deleteSite: role('admin', sites.deleteSite),
  reportRunning: onSite('report', sites.reportRunning),
  listRunning: signedIn(sites.listRunning),
  getStorage: role('auditor', storage.getStorage),
  listAudit: role('auditor', history.listAudit),
}
