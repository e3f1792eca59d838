import { purge, purgeBody, purges, purgesQuery } from '../purges.ts'
import { recall, recallBody, recalls, recallsQuery } from '../recalls.ts'
import { byId, type Operation } from './operation.ts'

/** Withdrawing what was let in, and removing its bytes. */
export const recallCalls = {
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
} as const satisfies Record<string, Operation>
