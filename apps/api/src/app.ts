import { randomUUID } from 'node:crypto'
import { openApi } from '@sluice/contract'
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import type { BlobStorage } from '@sluice/feed'
import express, { type ErrorRequestHandler, type Express } from 'express'
import { refusalOf } from './errors.ts'
import { mountCalls } from './mount.ts'
import { notFound } from './problem.ts'
import { metricsOfAll } from './processes.ts'
import { tokenEndpoint } from './registry/endpoint.ts'
import { registry } from './registry/mount.ts'
import type { Services } from './services.ts'
import { WEB_FOLDER, webApp } from './web.ts'

export const VERSION = '0.1.0'

const HOME = `Sluice: a promotion-gated registry for container images.

  /v2/           images, by docker, podman, skopeo, helm, oras
  /api/v1        requests, approvals, feeds; described in /openapi.json
  /healthz       it runs      /readyz   it serves      /metrics
`

/**
 * All that this service answers. Requests to `/v2` do not go through Express, though it would answer them alike: what
 * it does to each request costs more than answering one for a manifest.
 */
export function createListener(services: Services, storage: BlobStorage): RequestListener {
  const answer = registry(services, storage)
  const app = createApp(services, answer)
  return (req, res) => {
    if (!/^\/v2(?:[/?]|$)/.test(req.url ?? '')) return app(req, res)
    observed(services, req, res, () => 'v2')
    void answer(req, res)
  }
}

function createApp(services: Services, answerRegistry: ReturnType<typeof registry>): Express {
  const app = express()
  app.disable('x-powered-by').disable('etag').enable('case sensitive routing').set('query parser', 'simple')
  app.use((req, res, next) => {
    observed(services, req, res, () => String(res.locals['route'] ?? 'other'))
    next()
  })
  // Before anything that reads a body: blobs are streamed.
  app.use('/v2', (req, res) => {
    res.locals['route'] = 'v2'
    void answerRegistry(req, res)
  })
  app.use(tokenEndpoint(services))
  app.use('/api/v1', mountCalls(services))

  const description = openApi(VERSION)
  app.get('/openapi.json', (_req, res) => void res.json(description))
  const web = webApp(WEB_FOLDER)
  if (web !== null) app.use(web)
  app.get('/', (_req, res) => void res.type('text/plain').send(HOME))
  app.get('/healthz', (_req, res) => void res.json({ status: 'ok' }))
  app.get('/readyz', async (_req, res) => {
    await ready(services)
    res.json({ status: 'ok' })
  })
  app.get('/metrics', async (_req, res) => {
    const { registry: metrics } = services.metrics
    res.type(metrics.contentType).send(await metricsOfAll(metrics))
  })
  app.use((req) => {
    throw notFound(`path ${req.path}`)
  })
  app.use(refuse(services))
  return app
}

/** @throws when the database does not answer */
async function ready({ store }: Services): Promise<void> {
  await store.pool.query('select 1')
}

/** Gives a request its id, and counts and logs its answer. */
function observed(
  { metrics, log }: Services,
  req: IncomingMessage,
  res: ServerResponse,
  routeOf: () => string,
): void {
  const asked = req.headers['x-request-id']
  const requestId = typeof asked === 'string' && /^[A-Za-z0-9._-]{1,64}$/.test(asked) ? asked : randomUUID()
  req.headers['x-request-id'] = requestId
  res.setHeader('X-Request-Id', requestId)
  res.setHeader('X-Content-Type-Options', 'nosniff')
  const begun = performance.now()
  res.once('close', () => {
    const seconds = (performance.now() - begun) / 1000
    const route = routeOf()
    const { method = '' } = req
    const code = res.writableFinished ? res.statusCode : 499
    metrics.requests.inc({ route, method, code })
    metrics.seconds.observe({ route }, seconds)
    log.info({ requestId, route, method, code, ms: Math.round(seconds * 1000) }, 'request')
  })
}

/** The one place where what a call threw becomes an answer. */
function refuse({ metrics, log }: Services): ErrorRequestHandler {
  return (error, req, res, _next) => {
    const { problem, headers } = refusalOf(error)
    const requestId = String(req.headers['x-request-id'])
    metrics.refusals.inc({ code: problem.code })
    if (problem.status === 500) log.error({ requestId, err: error }, 'call failed')
    if (problem.status === 503) log.warn({ requestId, err: error }, 'database does not answer')
    if (res.headersSent) {
      res.destroy()
      return
    }
    res
      .status(problem.status)
      .set(headers)
      .set('Cache-Control', 'no-store')
      .type('application/problem+json')
      .send(JSON.stringify({ ...problem, requestId }))
  }
}
