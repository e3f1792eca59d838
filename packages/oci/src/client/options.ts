import { isIP } from 'node:net'
import { addressRefused, isLoopbackHost, isReachable, type Lookup, type Reach } from './address.ts'
import { RegistryError } from './errors.ts'
import type { RequestBudget } from './budget.ts'

/** Basic: user and password, also to fetch tokens. Refresh: an identity token, exchanged at the realm. */
export type Credentials =
  | { readonly type: 'basic'; readonly username: string; readonly password: string }
  | { readonly type: 'refresh'; readonly refreshToken: string }

/** Waits in milliseconds and sizes; what is not given has the value of `DEFAULT_LIMITS`. */
export interface ClientLimits {
  /** From sending a request to the head of its answer, connecting included. */
  readonly headMs: number
  /** From the last byte of a blob to the registry's answer: it may hash or move the blob first. */
  readonly finishMs: number
  /** A body that brings less than `slowBytesPerSecond` over this time is given up. */
  readonly stallMs: number
  readonly slowBytesPerSecond: number
  /** Tries of one request; of a blob, tries without any progress. */
  readonly attempts: number
  readonly firstBackoffMs: number
  readonly longestBackoffMs: number
  /** A `Retry-After` beyond this ends the attempt with `rate_limited`. */
  readonly longestRetryAfterMs: number
}

export const DEFAULT_LIMITS: ClientLimits = {
  headMs: 60_000,
  finishMs: 300_000,
  stallMs: 30_000,
  slowBytesPerSecond: 1024,
  attempts: 5,
  firstBackoffMs: 250,
  longestBackoffMs: 20_000,
  longestRetryAfterMs: 120_000,
}

export interface RegistryOptions {
  /** `https://registry.example[:port]`, without a path. */
  readonly baseUrl: string
  readonly credentials?: Credentials
  /** Origins, compared exactly, that may hand out tokens for this registry beside the registry itself. */
  readonly realmAllowList?: readonly string[]
  /** PEM, trusted beside the public authorities. */
  readonly ca?: string
  /** PEM; shown to the registry itself only. */
  readonly clientCertificate?: { readonly cert: string; readonly key: string }
  /** An http proxy. It resolves the names, so only literal addresses are checked here. */
  readonly proxy?: string
  /** Hosts that may be spoken to without TLS: those on loopback, or these names, which may be private too. */
  readonly plainHttp?: 'loopback' | readonly string[]
  /** Hosts that may have a private address. */
  readonly privateHosts?: readonly string[]
  readonly userAgent?: string
  readonly limits?: Partial<ClientLimits>
  /** Shared by all clients of one host, so that one refusal slows all of them. */
  readonly budget?: RequestBudget
  /** How names are resolved; the system's way when not given. */
  readonly lookup?: Lookup
}

/** Which URLs a client of this registry may visit. */
export interface Territory {
  readonly origin: string
  /** @throws RegistryError plain_http_refused, address_refused, bad_response */
  readonly check: (url: URL) => void
  readonly reachOf: (host: string) => Reach
  readonly allowsRealm: (origin: string) => boolean
}

/** @throws RegistryError settings_invalid, plain_http_refused, address_refused */
export function territoryOf(options: RegistryOptions): Territory {
  const base = asUrl(options.baseUrl, 'baseUrl')
  const { plainHttp, privateHosts = [] } = options
  const named = Array.isArray(plainHttp) ? plainHttp : []
  const loopbackAllowed = plainHttp === 'loopback'
  const realms = new Set([base.origin, ...(options.realmAllowList ?? []).map(realmOrigin)])
  const reachOf = (host: string): Reach => {
    if (privateHosts.includes(host) || named.includes(host)) return 'private'
    return loopbackAllowed && isLoopbackHost(host) ? 'loopback' : 'public'
  }
  const check = (url: URL): void => {
    const host = hostOf(url)
    if (url.protocol !== 'https:' && url.protocol !== 'http:') {
      throw new RegistryError(
        'bad_response',
        `${base.host}: a registry answers over http, not ${url.protocol}`,
      )
    }
    const plainAllowed = named.includes(host) || (loopbackAllowed && isLoopbackHost(host))
    if (url.protocol === 'http:' && !plainAllowed) {
      throw new RegistryError(
        'plain_http_refused',
        `${url.host} is spoken to without TLS; use https, or allow plain http for this host by name (a registry behind a proxy must know that it is: X-Forwarded-Proto)`,
      )
    }
    if (isIP(host) !== 0 && !isReachable(host, reachOf(host))) throw addressRefused(host)
  }
  check(base)
  return { origin: base.origin, check, reachOf, allowsRealm: (origin) => realms.has(origin) }
}

/** Without the brackets of an IPv6 address. */
export function hostOf(url: URL): string {
  return url.hostname.startsWith('[') ? url.hostname.slice(1, -1) : url.hostname
}

function asUrl(text: string, where: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null
  const bare =
    url !== null && url.username === '' && url.password === '' && url.search === '' && url.hash === ''
  if (url === null || !bare || (url.pathname !== '/' && url.pathname !== '')) {
    throw new RegistryError('settings_invalid', `${where} must be https://HOST[:PORT] and nothing more`)
  }
  return url
}

function realmOrigin(text: string): string {
  return asUrl(text, 'realmAllowList').origin
}
