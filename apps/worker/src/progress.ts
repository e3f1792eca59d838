import type { CopyProgress } from '@sluice/oci'
import type { StepContext } from './steps/step.ts'

/** How often those who wait hear of it. */
const TELL_MS = 1_000
/** Of how many of them the rate is. */
const RATE_OVER = 10

/** What one part of an item's image calls with how far it is. */
export type ProgressOf = (position: number, part: number) => (progress: CopyProgress) => void

/**
 * Does the work of a step, adds up what its parts report and tells it every second from the first of them: also when
 * nothing moves, so that the rate falls. Of the whole promotion, so that nobody sees a total grow. What cannot be told
 * is not: the work goes on.
 */
export async function withProgress<T>(
  { run, runs, log }: Pick<StepContext, 'run' | 'runs' | 'log'>,
  work: (of: ProgressOf) => Promise<T>,
): Promise<T> {
  const parts = new Map<string, { readonly position: number; readonly progress: CopyProgress }>()
  const totals = run.items.map(({ position, closure }) => {
    const blobs = closure.filter(({ kind }) => kind === 'blob')
    return { position, totalBytes: sum(blobs.map(({ size }) => size)), totalBlobs: blobs.length }
  })
  /** The last of what was told, to know the rate by. */
  const told: { at: number; bytes: number }[] = [{ at: performance.now(), bytes: 0 }]
  let timer: NodeJS.Timeout | undefined
  let telling: Promise<void> = Promise.resolve()

  const tell = async (): Promise<void> => {
    const items = totals.map(({ position, ...total }) => {
      const own = [...parts.values()].filter((part) => part.position === position)
      const bytes = sum(own.map(({ progress }) => progress.bytes))
      return { bytes, blobs: sum(own.map(({ progress }) => progress.blobs)), ...total }
    })
    const all = {
      bytes: sum(items.map(({ bytes }) => bytes)),
      totalBytes: sum(items.map(({ totalBytes }) => totalBytes)),
      blobs: sum(items.map(({ blobs }) => blobs)),
      totalBlobs: sum(items.map(({ totalBlobs }) => totalBlobs)),
    }
    const at = performance.now()
    const before = told[0] ?? { at, bytes: all.bytes }
    const seconds = (at - before.at) / 1000
    if (told.push({ at, bytes: all.bytes }) > RATE_OVER) told.shift()
    const bytesPerSecond = seconds > 0 ? Math.round((all.bytes - before.bytes) / seconds) : 0
    await runs
      .tellProgress(run, { ...all, bytesPerSecond, items })
      .catch((err: unknown) => log.warn({ err }, 'progress not told'))
  }
  const of: ProgressOf = (position, part) => (progress) => {
    parts.set(`${position} ${part}`, { position, progress })
    timer ??= setInterval(() => {
      telling = telling.then(tell)
    }, TELL_MS)
  }
  try {
    const result = await work(of)
    // The last word; nothing is said of a step that moved nothing.
    if (parts.size > 0) telling = telling.then(tell)
    return result
  } finally {
    clearInterval(timer)
    await telling
  }
}

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0)
