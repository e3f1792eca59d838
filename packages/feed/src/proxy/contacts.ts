import { RegistryError, type RegistryErrorCode } from '@sluice/oci'
import type { Feed, Upstreams } from '../ports.ts'
import { detailOf, isDecision, reasonOf } from './failure.ts'

/** Milliseconds for which an upstream that is silent is not asked about what is kept. */
const PAUSE_MS = 10_000
const SILENT: ReadonlySet<RegistryErrorCode> = new Set([
  'dns',
  'refused',
  'connection',
  'tls',
  'timeout',
  'cancelled',
  'rate_limited',
])

/** An upstream that could not be asked: what is kept is served, with this said. */
export interface Away {
  readonly since: Date
  readonly reason: string
}

interface Failing extends Away {
  readonly askAgainAt: number
  readonly error: RegistryError
}

/**
 * What this process knows of how its upstreams answer. One that is silent is asked again after a pause, so that its
 * silence does not hold up every pull of what is kept.
 */
export class Contacts {
  readonly #failing = new Map<string, Failing>()
  readonly #note: Upstreams['noteContact']

  constructor(note: Upstreams['noteContact']) {
    this.#note = note
  }

  /** The failure that is recent enough not to be tried again; null: ask. */
  paused({ id }: Feed, now = Date.now()): RegistryError | null {
    const failing = this.#failing.get(id)
    return failing !== undefined && failing.askAgainAt > now ? failing.error : null
  }

  /** Asks, and remembers how it went. @throws what `ask` throws */
  async ask<T>(feed: Feed, ask: () => Promise<T>): Promise<T> {
    try {
      const answer = await ask()
      this.#answered(feed)
      return answer
    } catch (error) {
      if (error instanceof RegistryError) {
        if (isDecision(error)) this.#answered(feed)
        else this.#failed(feed, error)
      }
      throw error
    }
  }

  /** What to say with what is kept, after `error`. */
  away({ id }: Feed, error: RegistryError): Away {
    return { since: this.#failing.get(id)?.since ?? new Date(), reason: reasonOf(error) }
  }

  #answered(feed: Feed): void {
    this.#failing.delete(feed.id)
    this.#note(feed, null)
  }

  #failed(feed: Feed, error: RegistryError, now = Date.now()): void {
    const since = this.#failing.get(feed.id)?.since ?? new Date(now)
    const asked = Math.min(error.retryAfterMs ?? 0, 60_000)
    const askAgainAt = SILENT.has(error.code) ? now + Math.max(PAUSE_MS, asked) : now
    this.#failing.set(feed.id, { since, askAgainAt, error, reason: reasonOf(error) })
    this.#note(feed, detailOf(error))
  }
}

/** `Warning: 299`, the one code that the Distribution specification has; "Warnings". All of it is ASCII, and short. */
export function warningOf({ since, reason }: Away, upstream: string): { Warning: string } {
  const text = `upstream ${upstream} not reachable since ${since.toISOString()}, served from cache: ${reason}`
  return { Warning: `299 - "${text}"` }
}
