import { z } from 'zod'
import { ticketHeaders, ticketKey } from '../evidence.ts'
import { id, name } from '../grammar.ts'
import { lane, laneBody, lanePut, lanePutQuery, lanes, laneVersions } from '../lanes.ts'
import { type Operation, paged } from './operation.ts'

const byLane = z.object({ lane: name })
const byLaneChange = z.object({ lane: name, id })

/** Lanes with their versions, changes and keys. */
export const laneCalls = {
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
} as const satisfies Record<string, Operation>
