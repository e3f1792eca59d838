import { readSettings } from './settings.ts'
import { startWorker } from './worker.ts'
import pino, { type Logger } from 'pino'

/** Milliseconds: for the steps in progress, and until the process ends whatever hangs. */
const PATIENCE_MS = 5_000
const LAST_MS = 6_500

async function run(log: Logger, settings: ReturnType<typeof readSettings>): Promise<void> {
  const starting = startWorker(settings, log)
  let ending = false
  const end = (reason: string): void => {
    if (ending) return
    ending = true
    log.info({ reason }, 'worker stops')
    setTimeout(() => process.exit(1), LAST_MS).unref()
    // Also when it is still about to start.
    starting
      .then((worker) => worker.stop(PATIENCE_MS))
      .then(
        () => process.exit(0),
        (err) => {
          log.error({ err }, 'worker did not stop in order')
          process.exit(1)
        },
      )
  }
  process.on('SIGTERM', () => end('SIGTERM'))
  process.on('SIGINT', () => end('SIGINT'))
  // The supervisor is gone, and nobody else would end this process.
  process.on('disconnect', () => end('disconnect'))
  await starting
  process.send?.({ type: 'ready' })
}

try {
  const settings = readSettings(process.env)
  await run(pino({ name: 'worker', level: settings.logLevel }), settings)
} catch (error) {
  process.stderr.write(`worker does not start: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exit(1)
}
