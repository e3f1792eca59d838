import { z } from 'zod'
import { digestView } from '../digests.ts'
import { promotions, promotionsQuery, weeks, weeksQuery } from '../promotions.ts'
import { breakGlassBody, request, reviewBody } from '../requests.ts'
import { verdict, verifyBody } from '../verify.ts'
import { byId, type Operation } from './operation.ts'

const byDigest = z.object({ digest: z.string() })

/** What was let in, by a quorum or without one. */
export const promotionCalls = {
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
} as const satisfies Record<string, Operation>
