import type { CopyProgress } from '@sluice/oci'
import type { StepContext } from './steps/step.ts'

/** How often those who wait hear of it. */
const TELL_MS = 1_000
/** Of how many of them the rate is. */
const RATE_OVER = 10

/**
 * Adds up what the parts of a step report and tells it at most once a second. Of the whole promotion, so that nobody
 * sees a total grow. What cannot be told is not: the copy goes on.
 */
export function tellProgress({ run, runs, log }: Pick<StepContext, 'run' | 'runs' | 'log'>) {
  const blobs = run.items.flatMap(({ closure }) => closure.filter(({ kind }) => kind === 'blob'))
  const totalBytes = blobs.reduce((sum, { size }) => sum + size, 0)
  const parts = new Map<string, CopyProgress>()
  /** The last of what was told, to know the rate by. */
  const told: { at: number; bytes: number }[] = [{ at: performance.now(), bytes: 0 }]
  let last = performance.now()
  let telling: Promise<void> = Promise.resolve()

  const tell = (): Promise<void> => {
    const all = [...parts.values()]
    const bytes = all.reduce((sum, part) => sum + part.bytes, 0)
    const at = performance.now()
    const before = told[0] ?? { at, bytes }
    const seconds = (at - before.at) / 1000
    if (told.push({ at, bytes }) > RATE_OVER) told.shift()
    const progress = {
      bytes,
      totalBytes,
      blobs: all.reduce((sum, part) => sum + part.blobs, 0),
      totalBlobs: blobs.length,
      bytesPerSecond: seconds > 0 ? Math.round((bytes - before.bytes) / seconds) : 0,
    }
    return runs.tellProgress(run, progress).catch((err: unknown) => log.warn({ err }, 'progress not told'))
  }
  return {
    /** What one part of the step calls with how far it is. */
    of:
      (part: string) =>
      (progress: CopyProgress): void => {
        parts.set(part, progress)
        const now = performance.now()
        if (now - last < TELL_MS) return
        last = now
        telling = telling.then(tell)
      },
    /** The last word; nothing is said of a step that moved nothing. */
    async end(): Promise<void> {
      await telling
      if (parts.size > 0) await tell()
    },
  }
}
