import type { Logger } from 'pino'

export interface Periodic {
  /** Runs the task now, or once more after the run that is under way. */
  poke(): void
  /** Resolves when the task no longer runs. */
  stop(): Promise<void>
}

/** Runs `task` now and every `ms`, never twice at once. A task that fails is told of once, and when it works again. */
export function startPeriodic(name: string, ms: number, task: () => Promise<void>, log: Logger): Periodic {
  let stopped = false
  let again = false
  let failing = false
  let timer: NodeJS.Timeout | undefined
  let running: Promise<void> | undefined

  const runOnce = async (): Promise<void> => {
    try {
      await task()
      if (failing) log.info({ task: name }, 'task works again')
      failing = false
    } catch (err) {
      if (!failing) log.warn({ task: name, err }, 'task failed, and is tried again')
      failing = true
    }
  }
  const run = async (): Promise<void> => {
    again = false
    await runOnce()
    running = undefined
    if (stopped) return
    if (again) start()
    else timer = setTimeout(start, ms)
  }
  const start = (): void => {
    clearTimeout(timer)
    running = run()
  }
  start()

  return {
    poke() {
      if (stopped) return
      if (running === undefined) start()
      else again = true
    },
    async stop() {
      stopped = true
      clearTimeout(timer)
      await running
    },
  }
}
