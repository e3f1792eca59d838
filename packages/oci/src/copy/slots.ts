import { setMaxListeners } from 'node:events'

/** Runs at most `count` things at a time, in the order they came. */
export class Slots {
  #free: number
  readonly #waiting: (() => void)[] = []

  constructor(count: number) {
    this.#free = count
  }

  async run<T>(act: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--
    else await new Promise<void>((go) => this.#waiting.push(go))
    try {
      return await act()
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#free++
      else next()
    }
  }
}

/**
 * Does it for every item, at most as many at a time as there are slots. After the first failure
 * nothing new is begun, what runs is told to stop and is waited for, and that failure is thrown.
 */
export async function forEach<T>(
  items: Iterable<T>,
  slots: Slots,
  outer: AbortSignal | undefined,
  act: (item: T, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const failed = new AbortController()
  const signal = outer === undefined ? failed.signal : AbortSignal.any([outer, failed.signal])
  // Each running request listens to it.
  setMaxListeners(0, signal)
  let first: { error: unknown } | null = null
  const all = [...items].map((item) =>
    slots.run(async () => {
      if (signal.aborted) return
      try {
        await act(item, signal)
      } catch (error) {
        first ??= { error }
        failed.abort()
      }
    }),
  )
  await Promise.all(all)
  const failure: { error: unknown } | null = first
  if (failure !== null) throw (failure as { error: unknown }).error
}
