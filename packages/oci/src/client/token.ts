import { isRepositoryName } from '../grammar.ts'
import { RegistryError } from './errors.ts'
import type { ClientLimits, Credentials, Territory } from './options.ts'
import { readBody, type Transport } from './transport.ts'
import { isRecord, parseAnswer, refusal } from './answer.ts'

const TOKEN_ANSWER_LIMIT = 1024 * 1024
/** A token that ends sooner is not used for a new request. */
const MARGIN_MS = 10_000
const DEFAULT_LIFE_MS = 60_000

export interface TokenAsk {
  readonly realm: string
  readonly service: string | undefined
  readonly scopes: readonly string[]
}

export interface Token {
  /** The whole value of `Authorization`. */
  readonly text: string
  /** On the clock of `performance.now()`. */
  readonly staleAt: number
}

/**
 * Fetches a token. Distribution token specification ("Token Authentication"), and with a refresh
 * token its OAuth2 form. The realm must be the registry's own origin or an allowed one: a challenge
 * is foreign text and must not decide where a password goes. Redirects are refused for the same reason.
 * @throws RegistryError realm_refused, unauthorized, forbidden, bad_response, and those of the network
 */
export async function fetchToken(
  { transport, territory, limits }: { transport: Transport; territory: Territory; limits: ClientLimits },
  ask: TokenAsk,
  credentials: Credentials | undefined,
): Promise<Token> {
  const url = realmOf(ask.realm, territory)
  const what = `a token from ${url.host}`
  const asked = performance.now()
  const answer =
    credentials?.type === 'refresh'
      ? await postForm(transport, url, ask, credentials.refreshToken)
      : await transport.send({
          method: 'GET',
          url: withQuery(url, ask),
          headers: basic(credentials),
          what: 'a token',
        })
  if (answer.status >= 300 && answer.status < 400) {
    answer.body.destroy()
    throw new RegistryError('realm_refused', `${what}: the token server redirects; credentials do not follow`)
  }
  if (answer.status !== 200) throw await refusal(answer, what, limits, secretsOf(credentials))
  const document = parseAnswer(await readBody(answer, TOKEN_ANSWER_LIMIT, limits.headMs, what), what)
  const text = isRecord(document) ? (document.token ?? document.access_token) : undefined
  if (typeof text !== 'string' || !/^[\x21-\x7e]{1,65536}$/.test(text)) {
    throw new RegistryError('bad_response', `${what}: the answer holds no usable token`)
  }
  const life = isRecord(document) ? Number(document.expires_in) * 1000 : Number.NaN
  const lifeMs = life > 0 ? life : DEFAULT_LIFE_MS
  return { text: `Bearer ${text}`, staleAt: asked + lifeMs - Math.min(MARGIN_MS, lifeMs / 4) }
}

function realmOf(realm: string, territory: Territory): URL {
  const url = URL.canParse(realm, territory.origin) ? new URL(realm, territory.origin) : null
  if (url === null || !territory.allowsRealm(url.origin)) {
    throw new RegistryError(
      'realm_refused',
      `${new URL(territory.origin).host} sends to ${url === null ? 'an unreadable address' : url.origin} for tokens, which is not allowed for this feed; if that is its token server, add the origin to the realm list`,
    )
  }
  territory.check(url)
  return url
}

function withQuery(url: URL, { service, scopes }: TokenAsk): URL {
  const asked = new URL(url)
  if (service !== undefined) asked.searchParams.set('service', service)
  for (const scope of scopes) asked.searchParams.append('scope', scope)
  return asked
}

function postForm(transport: Transport, url: URL, ask: TokenAsk, refreshToken: string) {
  const form = new URLSearchParams({
    grant_type: 'refresh_token',
    client_id: 'sluice',
    refresh_token: refreshToken,
  })
  if (ask.service !== undefined) form.set('service', ask.service)
  if (ask.scopes.length > 0) form.set('scope', ask.scopes.join(' '))
  const body = Buffer.from(form.toString())
  const headers = {
    'content-type': 'application/x-www-form-urlencoded',
    'content-length': String(body.length),
  }
  return transport.send({ method: 'POST', url, headers, body, what: 'a token' })
}

export function basic(credentials: Credentials | undefined): Record<string, string> {
  if (credentials?.type !== 'basic') return {}
  const pair = `${credentials.username}:${credentials.password}`
  return { authorization: `Basic ${Buffer.from(pair).toString('base64')}` }
}

/** In the forms in which they are sent; the longer ones first, as they contain others. */
export function secretsOf(credentials: Credentials | undefined): string[] {
  if (credentials === undefined) return []
  const secret = credentials.type === 'basic' ? credentials.password : credentials.refreshToken
  const pair = basic(credentials).authorization?.slice('Basic '.length)
  return [...(pair === undefined ? [] : [pair]), encodeURIComponent(secret), secret]
}

/**
 * What to ask for: our own scopes, and of the registry's those that mean the same repository under
 * the name it has there (`library/alpine` for `alpine`). A challenge cannot widen a token.
 */
export function scopesFor(wanted: readonly string[], challenged: string | undefined): string[] {
  const scopes = new Set(wanted)
  for (const scope of (challenged ?? '').split(' ')) {
    const colon = scope.lastIndexOf(':')
    const name = scope.slice('repository:'.length, colon)
    if (!scope.startsWith('repository:') || !isRepositoryName(name)) continue
    const actions = scope.slice(colon + 1)
    const same = wanted.find((own) => {
      const [, ownName = '', ownActions = ''] = own.split(':')
      const allowed = ownActions.split(',')
      return name.endsWith(`/${ownName}`) && actions.split(',').every((action) => allowed.includes(action))
    })
    if (same !== undefined) scopes.add(scope)
  }
  return [...scopes].sort()
}
