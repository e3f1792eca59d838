import { approvalBody } from '../approvals.ts'
import { ticketBody, ticketHeaders } from '../evidence.ts'
import { lateReferrers, lateReferrersQuery } from '../referrers.ts'
import { evaluation, idempotencyHeaders, request, requestBody, requests, requestsQuery } from '../requests.ts'
import { byId, type Operation } from './operation.ts'

/** Requests, from asking to the end of the promotion. */
export const requestCalls = {
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
} as const satisfies Record<string, Operation>
