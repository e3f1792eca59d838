import { setTimeout as sleep } from 'node:timers/promises'

type Awaitable<T> = T | Promise<T>

/**
 * Polls until `probe` answers something other than `undefined`, `null` or `false`, and answers that. A probe
 * that throws is asked again: a server that is not up yet refuses connections.
 * @throws Error naming `what` was waited for, with the probe's last error as its cause
 */
export async function until<T>(
  probe: () => Awaitable<T | undefined | null | false>,
  { timeoutMs = 10_000, what }: { timeoutMs?: number; what: string },
): Promise<T> {
  const deadline = Date.now() + timeoutMs
  for (let pause = 5; ; pause = Math.min(pause * 2, 100)) {
    let cause: unknown
    try {
      const answer = await probe()
      if (answer !== undefined && answer !== null && answer !== false) return answer
    } catch (error) {
      cause = error
    }
    if (Date.now() >= deadline) throw new Error(`waited ${timeoutMs} ms in vain for ${what}`, { cause })
    await sleep(pause)
  }
}
