import { z } from 'zod'
import { feed, feedBody, feedPatch, feeds, retentionPreview, retentionPreviewBody } from '../feeds.ts'
import { grants, grantsBody } from '../grants.ts'
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
} from '../remotes.ts'
import { byFeed, byId, type Operation, paged } from './operation.ts'

const ifMatch = z.object({ 'if-match': z.string().max(255).optional() })

/** Feeds with their retention, registries, alerts and grants. */
export const feedCalls = {
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
} as const satisfies Record<string, Operation>
