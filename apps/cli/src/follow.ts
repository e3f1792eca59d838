import type { RequestEvent, RequestItem } from '@sluice/contract'
import { progressLines, progressText } from './progress.ts'
import type { Shell } from './shell.ts'
import { visible } from './visible.ts'

/** Shows those who wait how a request goes, on stderr. */
export type Follower = {
  /** Once for each event; what was said already is not said again. */
  readonly tell: (items: readonly RequestItem[], event: RequestEvent) => void
  /** Before anything else is written: what was painted is taken away. */
  readonly end: () => void
  /** What was said last of its state. */
  readonly last: () => string
}

export const silent: Follower = { tell: () => undefined, end: () => undefined, last: () => '' }

/** Where lines stay: between two of the same step. Milliseconds. */
const PLAIN_MS = 10_000
const COLUMNS = 80

/**
 * On a terminal a line for each step, and below it bars that are painted over. Elsewhere, and where the result is
 * redirected, plain lines: of each step, and while bytes move one each ten seconds.
 * @param now milliseconds
 */
export function createFollower({ stdout, stderr }: Shell, now: () => number = Date.now): Follower {
  const live = stdout.isTTY === true && stderr.isTTY === true
  let last = ''
  let saidAt = now()
  let painted = 0
  const note = (line: string): void => void stderr.write(`${visible(line)}\n`)
  const wipe = (): void => {
    if (painted > 0) stderr.write(`\u001b[${painted}A\u001b[J`)
    painted = 0
  }
  return {
    tell(items, event) {
      const line = stage(event)
      const moving = event.promotion?.state === 'RUNNING' ? event.promotion.progress : null
      if (line !== last) {
        wipe()
        note(line)
        saidAt = now()
        last = line
      } else if (!live && moving !== null && moving.bytesPerSecond !== null && now() - saidAt >= PLAIN_MS) {
        note(`${line}  ${progressText(moving)}`)
        saidAt = now()
      }
      if (!live) return
      wipe()
      if (moving === null) return
      const lines = progressLines(items, moving, stderr.columns ?? COLUMNS)
      for (const one of lines) note(one)
      painted = lines.length
    },
    end: wipe,
    last: () => last,
  }
}

/** Where a request stands, in one line. */
export function stage({ state, promotion }: RequestEvent): string {
  if (state === 'PENDING') return 'PENDING    waits for approval'
  if (state !== 'APPROVED' || promotion === null) return state
  const { state: run, step, attempt, error } = promotion
  const again = attempt > 1 ? ` (attempt ${attempt})` : ''
  const why = error === null ? '' : `  ${error.message}`
  return `${run.padEnd(9)}  ${step ?? ''}${again}${why}`.trimEnd()
}
