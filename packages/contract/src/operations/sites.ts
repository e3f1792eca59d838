import { z } from 'zod'
import { name } from '../grammar.ts'
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
} from '../sites.ts'
import { type Operation, paged } from './operation.ts'

const bySite = z.object({ site: name })

/** Where images run. */
export const siteCalls = {
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
} as const satisfies Record<string, Operation>
