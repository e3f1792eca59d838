// oxlint-disable typescript/no-unsafe-type-assertion -- the table holds for each id the row of that id, and the
// schemas have checked what a row is given; TypeScript cannot follow a union of rows.
import { type Operation, type OperationId, operationIds, operations } from '@sluice/contract'
import { type IRouter, type Request, type RequestHandler, type Response, Router } from 'express'
import type { Row } from './access.ts'
import { addressOf } from './address.ts'
import { streamChanges } from './calls/changes.ts'
import { streamEvents } from './calls/events.ts'
import { readBody } from './body.ts'
import type { Asked, Call, Caller } from './call.ts'
import { readCredential } from './credential.ts'
import { sendJson } from './json.ts'
import { originOf } from './origin.ts'
import { ApiError, fieldErrors, notFound, unauthenticated } from './problem.ts'
import { routes } from './routes.ts'
import type { Services } from './services.ts'
import { unstorable } from './text.ts'

/** `/api/v1`: every operation of the contract, behind its row of the table in routes.ts. */
export function mountCalls(services: Services): IRouter {
  const router = Router({ caseSensitive: true })
  router.get('/requests/:id/events', async (req, res) => {
    res.locals['route'] = 'watchRequest'
    await streamEvents(() => identify(services, req), req, res)
  })
  router.get('/events', async (req, res) => {
    res.locals['route'] = 'watchChanges'
    await streamChanges(() => identify(services, req), res)
  })
  const paths = new Map<string, OperationId[]>()
  for (const id of operationIds) {
    const path = operations[id].path
    paths.set(path, [...(paths.get(path) ?? []), id])
  }
  // Fixed parts sort before `{`: `/requests/evaluate` is no request called "evaluate".
  const ordered = [...paths].sort(([a], [b]) => (a < b ? -1 : 1))
  for (const [path, ids] of ordered) {
    router.all(path.replace(/\{([a-z]+)\}/g, ':$1'), answerOneOf(services, ids))
  }
  return router
}

function answerOneOf(services: Services, ids: readonly OperationId[]): RequestHandler {
  const byMethod = new Map(ids.map((id) => [operations[id].method as string, id]))
  return async (req, res) => {
    const id = byMethod.get(req.method === 'HEAD' ? 'GET' : req.method)
    if (id === undefined) {
      const allow = [...byMethod.keys()].join(', ')
      throw new ApiError('method_not_allowed', `this path takes ${allow}`, { headers: { Allow: allow } })
    }
    res.locals['route'] = id
    await answer(services, id, req, res)
  }
}

/** Who asks, then whether the rule admits it, then what it says: nobody learns a schema by trying. */
async function answer(services: Services, id: OperationId, req: Request, res: Response): Promise<void> {
  const operation: Operation = operations[id]
  const row = routes[id] as unknown as Row<OperationId>
  // Of a call that is open to anyone nobody is known, and its handler looks at nobody.
  const caller = row.rule === 'anyone' ? await nobody(services, req) : await identify(services, req)
  const params = checkParams(operation, req)
  let bytes: Uint8Array = new Uint8Array()
  const readChecked = async () => {
    if (operation.body === undefined) return undefined
    const read = await readBody(req, res, { limit: operation.bodyLimit, type: operation.bodyType })
    bytes = read.bytes
    // Evidence, which has a limit of its own, is kept as bytes, and its reader judges the text in it; so does the schema
    // of reports.
    if (operation.bodyLimit === undefined) refuseUnstorable(read.value)
    return check(operation.body, read.value)
  }
  const early = row.afterBody ? await readChecked() : undefined
  const handle = await row.admit({ ...caller, params, body: (early ?? {}) as Asked['body'] })
  const query = checkQuery(operation, { ...req.query })
  const sent = operation.headers && check(operation.headers, req.headers)
  const read = row.afterBody ? early : await readChecked()
  const call = {
    ...caller,
    params,
    query,
    headers: sent,
    body: read,
    bytes,
  } as unknown as Call<OperationId>
  const { status, headers = {}, body } = await handle(call)
  res.status(status).set(headers).set('Cache-Control', 'no-store')
  if (body === undefined) res.end()
  else await sendJson(req, res, body)
}

async function nobody(services: Services, req: Request): Promise<Caller> {
  const address = addressOf(req, services.publicUrl !== undefined)
  await services.flood(address)
  return { services, address } as Caller
}

/** The caller behind the bearer token. @throws ApiError unauthenticated, rate_limited */
export async function identify(services: Services, req: Request): Promise<Caller> {
  const address = addressOf(req, services.publicUrl !== undefined)
  const credential = readCredential(req.headers.authorization)
  const { accounts } = services.store
  const actor = credential.kind === 'bearer' ? await accounts.byToken(credential.secret) : null
  if (actor === null) await services.flood(address)
  if (credential.kind === 'none')
    throw unauthenticated('sign in, and send the token as Authorization: Bearer')
  if (actor === null) throw unauthenticated('the token is unknown, expired or revoked; sign in again')
  const origin = originOf(req, services.publicUrl)
  return { services, actor, grants: await accounts.grantsOf(actor), origin, address }
}

function checkParams({ params }: Operation, req: Request): Record<string, string> {
  if (params === undefined) return {}
  const parsed = params.safeParse(req.params)
  // What no name can be is not there; only its reader needs to know more.
  if (!parsed.success) throw notFound(`${parsed.error.issues[0]?.path.join('.') ?? 'path'} of that name`)
  return parsed.data as Record<string, string>
}

/** A call that has no options takes none: `?invalidate=true` where nobody reads it is not obeyed in silence. */
function checkQuery({ query }: Operation, given: Record<string, unknown>): unknown {
  refuseUnstorable(given)
  if (query !== undefined) return check(query, given)
  const keys = Object.keys(given)
  if (keys.length === 0) return undefined
  const errors = fieldErrors([{ code: 'unrecognized_keys', path: [], keys, message: '' }])
  throw new ApiError('invalid', 'this call takes no query', { errors })
}

function refuseUnstorable(value: unknown): void {
  const errors = unstorable(value)
  if (errors.length === 0) return
  throw new ApiError('invalid', `not valid: ${errors.map(({ field }) => field || 'the body').join(', ')}`, {
    errors,
  })
}

function check(schema: NonNullable<Operation['body']>, value: unknown): unknown {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const errors = fieldErrors(parsed.error.issues)
  const fields = errors.map(({ field }) => field || 'the body').join(', ')
  throw new ApiError('invalid', `not valid: ${fields}`, { errors })
}
