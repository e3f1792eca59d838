/** Work that is done once for all who want it while it runs; each gets its answer or its error. */
export class Shared<T> {
  readonly #running = new Map<string, Promise<T>>()

  once(key: string, work: () => Promise<T>): Promise<T> {
    const known = this.#running.get(key)
    if (known !== undefined) return known
    const running = work().finally(() => this.#running.delete(key))
    this.#running.set(key, running)
    return running
  }
}

/** Lets so many works run at once; the others wait, the first come first. */
export class Turns {
  #free: number
  readonly #waiting: (() => void)[] = []

  constructor(atOnce: number) {
    this.#free = atOnce
  }

  async take<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--
    else await new Promise<void>((resolve) => this.#waiting.push(resolve))
    try {
      return await work()
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#free++
      else next()
    }
  }
}
