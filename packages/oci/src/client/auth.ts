import { type Challenge, parseChallenges } from './challenge.ts'
import type { ClientLimits, Credentials, Territory } from './options.ts'
import { basic, fetchToken, scopesFor, secretsOf, type Token } from './token.ts'
import type { Answer, Transport } from './transport.ts'

type Scheme =
  | { readonly type: 'unknown' }
  | { readonly type: 'basic' }
  | { readonly type: 'bearer'; readonly realm: string; readonly service: string | undefined }

/** The way one registry wants to be authenticated to, learned from its challenge, and the tokens it gave. */
export class Authentication {
  readonly #rooms: { transport: Transport; territory: Territory; limits: ClientLimits }
  readonly #credentials: Credentials | undefined
  #scheme: Scheme = { type: 'unknown' }
  readonly #tokens = new Map<string, Promise<Token>>()
  readonly #texts = new Map<string, string>()
  /** Scopes as asked → as the registry names them. */
  readonly #named = new Map<string, string[]>()

  constructor(
    rooms: { transport: Transport; territory: Territory; limits: ClientLimits },
    credentials: Credentials | undefined,
  ) {
    this.#rooms = rooms
    this.#credentials = credentials
  }

  /** Headers for a request to the registry itself; empty until it has challenged once. */
  async headers(scopes: readonly string[]): Promise<Record<string, string>> {
    const scheme = this.#scheme
    if (scheme.type === 'basic') return basic(this.#credentials)
    if (scheme.type === 'unknown') return {}
    const key = keyOf(scopes)
    const known = await this.#token(key, scheme)
    const fresh = known.staleAt > performance.now()
    if (!fresh && known.text === this.#texts.get(key)) this.#tokens.delete(key)
    const token = fresh ? known : await this.#token(key, scheme)
    this.#texts.set(key, token.text)
    return { authorization: token.text }
  }

  /** All that a request to the registry may have shown. */
  secrets(): string[] {
    const tokens = [...this.#texts.values()].map((text) => text.slice('Bearer '.length))
    return [...secretsOf(this.#credentials), ...tokens]
  }

  /** After a 401: whether it makes sense to ask once more, with what the challenge taught. */
  learn(answer: Answer, scopes: readonly string[], used: string | undefined): boolean {
    const challenge = best(parseChallenges(answer.headers['www-authenticate']))
    if (challenge === undefined) return false
    const key = keyOf(scopes)
    if (challenge.scheme === 'basic') {
      this.#scheme = { type: 'basic' }
      return this.#credentials?.type === 'basic' && used !== basic(this.#credentials).authorization
    }
    const service = challenge.parameters.get('service')
    this.#scheme = { type: 'bearer', realm: challenge.parameters.get('realm') ?? '', service }
    this.#named.set(key, scopesFor(scopes, challenge.parameters.get('scope')))
    // The token that was refused is dropped; one fetched since by a neighbour is kept.
    if (used !== undefined && used === this.#texts.get(key)) this.#tokens.delete(key)
    return true
  }

  #token(key: string, scheme: { realm: string; service: string | undefined }): Promise<Token> {
    const known = this.#tokens.get(key)
    if (known !== undefined) return known
    const scopes = this.#named.get(key) ?? key.split(' ').filter(Boolean)
    const ask = { realm: scheme.realm, service: scheme.service, scopes }
    // Shared by all who wait for it, so no one's cancellation ends it.
    const asked = fetchToken(this.#rooms, ask, this.#credentials)
    this.#tokens.set(key, asked)
    asked.catch(() => {
      if (this.#tokens.get(key) === asked) this.#tokens.delete(key)
    })
    return asked
  }
}

function keyOf(scopes: readonly string[]): string {
  return [...scopes].sort().join(' ')
}

/** Bearer before Basic, as the more narrow one. */
function best(challenges: readonly Challenge[]): Challenge | undefined {
  const withRealm = (c: Challenge) => c.scheme === 'bearer' && c.parameters.has('realm')
  return challenges.find(withRealm) ?? challenges.find(({ scheme }) => scheme === 'basic')
}
