import type { Actor } from '@sluice/store'
import express, { type Request, type RequestHandler, type Response, Router } from 'express'
import { has } from '../access.ts'
import { addressOf } from '../address.ts'
import { endIfSlow } from '../body.ts'
import { type Credential, readCredential } from '../credential.ts'
import { ApiError } from '../problem.ts'
import type { Services } from '../services.ts'
import { readScopes, SCOPE_LIMIT, type Scope } from './scope.ts'
import { type Access, signToken, TOKEN_LIFE } from './token.ts'

/** Bytes. */
const FORM_LIMIT = 65_536

/**
 * `GET` and `POST /token`: registry tokens for who shows a password, an API token or a refresh token; without
 * any, for what everybody may pull. Token specification, "Requesting a Token"; OAuth 2.0, RFC 6749.
 */
export function tokenEndpoint(services: Services): Router {
  const router = Router()
  router.get('/token', async (req, res) => {
    const query = new URL(req.originalUrl, 'http://localhost').searchParams
    const credential = readCredential(req.headers.authorization)
    await answer(services, res, {
      ...(await identified(services, credential, addressOf(req, services.publicUrl !== undefined))),
      scopes: query.getAll('scope'),
      offline: query.get('offline_token') === 'true',
    })
  })
  const form = express.text({ type: 'application/x-www-form-urlencoded', limit: FORM_LIMIT, inflate: false })
  const inTime: RequestHandler = (req, _res, next) => {
    endIfSlow(req, FORM_LIMIT)
    next()
  }
  router.post('/token', inTime, form, async (req: Request, res: Response) => {
    if (typeof req.body !== 'string') {
      throw new ApiError('unsupported_media_type', 'send application/x-www-form-urlencoded')
    }
    const fields = new URLSearchParams(req.body)
    const who = await granted(services, fields, addressOf(req, services.publicUrl !== undefined))
    if (who === 'unsupported') {
      const message = 'must be password or refresh_token'
      throw new ApiError('invalid', `grant_type ${message}`, {
        errors: [{ field: 'grant_type', rule: 'enum', message }],
      })
    }
    await answer(services, res, {
      ...who,
      scopes: fields.getAll('scope'),
      offline: fields.get('access_type') === 'offline',
    })
  })
  return router
}

/** `refresh`: the secret that was shown, which stays good. */
type Who = { readonly actor: Actor | null; readonly valid: boolean; readonly refresh?: string }

/** @throws ApiError and StoreError rate_limited */
async function identified(services: Services, credential: Credential, address: string): Promise<Who> {
  const { accounts } = services.store
  const { kind } = credential
  const actor =
    kind === 'basic'
      ? await accounts.byPassword(credential.username, credential.secret, address)
      : kind === 'bearer'
        ? await accounts.byToken(credential.secret)
        : null
  if (actor === null) await services.flood(address)
  return { actor, valid: actor !== null || kind === 'none' }
}

async function granted(
  services: Services,
  fields: URLSearchParams,
  address: string,
): Promise<Who | 'unsupported'> {
  const field = (name: string) => fields.get(name) ?? ''
  const grantType = fields.get('grant_type')
  if (grantType === 'password') {
    const credential = { kind: 'basic', username: field('username'), secret: field('password') } as const
    return identified(services, credential, address)
  }
  if (grantType !== 'refresh_token') return 'unsupported'
  const refresh = field('refresh_token')
  const actor = await services.store.accounts.byRefresh(refresh)
  if (actor === null) await services.flood(address)
  return { actor, valid: actor !== null, refresh }
}

async function answer(
  services: Services,
  res: Response,
  { actor, valid, refresh, scopes, offline }: Who & { scopes: readonly string[]; offline: boolean },
): Promise<void> {
  res.locals['route'] = 'token'
  res.set('Cache-Control', 'no-store')
  if (!valid) {
    const message = 'the user name, password or token is wrong'
    res.status(401).set('WWW-Authenticate', `Basic realm="${services.instance}"`)
    res.json({
      errors: [{ code: 'UNAUTHORIZED', message }],
      error: 'invalid_grant',
      error_description: message,
    })
    return
  }
  const asked = readScopes(scopes)
  if (asked === null) {
    const message = `at most ${SCOPE_LIMIT} scopes in one token`
    throw new ApiError('invalid', message, { errors: [{ field: 'scope', rule: 'too_big', message }] })
  }
  const access = await allowed(services, actor, asked)
  const now = new Date()
  const { keys, instance } = services
  const token = signToken(
    { principalId: actor?.principalId ?? null, tokenId: actor?.tokenId ?? null, access },
    { key: keys[0], instance, name: actor?.name ?? '', now },
  )
  const kept =
    refresh ?? (offline && actor !== null ? await services.store.accounts.createRefresh(actor) : null)
  res.json({
    token,
    access_token: token,
    token_type: 'Bearer',
    expires_in: TOKEN_LIFE,
    issued_at: now.toISOString(),
    scope: access.map(({ type, name, actions }) => `${type}:${name}:${actions.join(',')}`).join(' '),
    ...(kept !== null && { refresh_token: kept }),
  })
}

/** What was asked for, as far as the grants go. */
async function allowed(
  { store }: Services,
  actor: Actor | null,
  scopes: readonly Scope[],
): Promise<Access[]> {
  const grants = await store.accounts.grantsOf(actor)
  const access: Access[] = []
  for (const { type, name, actions } of scopes) {
    if (type === 'registry') {
      if (actor !== null) access.push({ type, name: 'catalog', actions: ['*'] })
      continue
    }
    const feed = await store.feedIndex.findFeed(name.slice(0, name.indexOf('/')))
    if (feed === null) continue
    // Anonymous writes are refused whatever `*` is granted.
    const within = actions.filter((verb) => has(grants, feed.id, verb) && (actor !== null || verb === 'pull'))
    if (within.length > 0) access.push({ type: 'repository', name, actions: within, feed: feed.id })
  }
  return access
}
