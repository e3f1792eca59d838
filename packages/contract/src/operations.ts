import type { z } from 'zod'
import { auditEntries, auditQuery } from './audit.ts'
import { accountCalls } from './operations/accounts.ts'
import { evidenceCalls } from './operations/evidence.ts'
import { feedCalls } from './operations/feeds.ts'
import { laneCalls } from './operations/lanes.ts'
import { promotionCalls } from './operations/promotions.ts'
import { recallCalls } from './operations/recalls.ts'
import { requestCalls } from './operations/requests.ts'
import { siteCalls } from './operations/sites.ts'
import { tagCalls } from './operations/tags.ts'
import type { Operation } from './operations/operation.ts'
import { storageOverview } from './storage.ts'

export type { Operation } from './operations/operation.ts'

/** Every call there is: OpenAPI, the client and the server's routes are derived from this table. */
export const operations = {
  ...accountCalls,
  ...feedCalls,
  ...tagCalls,
  ...laneCalls,
  ...evidenceCalls,
  ...requestCalls,
  ...promotionCalls,
  ...recallCalls,
  ...siteCalls,
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
