import {
  EVIDENCE_BODY_LIMIT,
  evidence,
  evidenceBody,
  evidenceList,
  evidenceListQuery,
  evidenceQuery,
  evidenceWithContent,
} from '../evidence.ts'
import { byId, type Operation } from './operation.ts'

/** Evidence about digests. */
export const evidenceCalls = {
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
} as const satisfies Record<string, Operation>
