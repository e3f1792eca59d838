import { setTimeout as sleep } from 'node:timers/promises'
import { asRegistryError, RegistryError } from './errors.ts'
import type { ClientLimits } from './options.ts'

/** A random share of an exponentially growing wait ("full jitter"), or what the registry asked for. */
export function backoffMs(limits: ClientLimits, failures: number, error: RegistryError): number {
  if (error.retryAfterMs !== null) return error.retryAfterMs * (1 + Math.random() / 10)
  const ceiling = Math.min(limits.longestBackoffMs, limits.firstBackoffMs * 2 ** (failures - 1))
  return ceiling * (0.5 + Math.random() / 2)
}

/** @throws the error itself when it will not heal, or not soon enough */
export async function waitAfter(
  error: RegistryError,
  failures: number,
  limits: ClientLimits,
  signal?: AbortSignal,
): Promise<void> {
  const patient = (error.retryAfterMs ?? 0) <= limits.longestRetryAfterMs
  if (!error.transient || failures >= limits.attempts || !patient) throw error
  try {
    await sleep(backoffMs(limits, failures, error), undefined, signal ? { signal } : {})
  } catch (cause) {
    throw asRegistryError(cause, 'waiting to try again')
  }
}

/** Tries until it works, fails for good, or was tried `attempts` times. */
export async function withRetry<T>(
  limits: ClientLimits,
  signal: AbortSignal | undefined,
  attempt: () => Promise<T>,
): Promise<T> {
  for (let failures = 1; ; failures++) {
    try {
      return await attempt()
    } catch (error) {
      if (!(error instanceof RegistryError)) throw error
      await waitAfter(error, failures, limits, signal)
    }
  }
}

/** `Retry-After`: seconds or a date. RFC 9110, section 10.2.3. */
export function retryAfterMs(header: string | undefined, now = Date.now()): number | undefined {
  if (header === undefined) return undefined
  if (/^\d{1,9}$/.test(header)) return Number(header) * 1000
  const date = Date.parse(header)
  return Number.isNaN(date) ? undefined : Math.max(0, date - now)
}
