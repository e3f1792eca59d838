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
