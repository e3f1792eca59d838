import { fileURLToPath } from 'node:url'
import { readEnvironment } from '@sluice/contract/environment'
import pino from 'pino'
import { openDatabase } from './database.ts'
import { runStandalone, stopSeconds } from './standalone.ts'

const program = (name: string): string =>
  fileURLToPath(new URL(`../../${name}/dist/main.js`, import.meta.url))

// A reader that went away (`npm start | head -1`) is no reason to leave processes behind.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined)

const stop = new AbortController()
const kill = new AbortController()
let firstSignal = 0
const onSignal = (): void => {
  if (!stop.signal.aborted) {
    firstSignal = Date.now()
    stop.abort()
    // The promise to be gone in 10 s holds also when something hangs.
    setTimeout(() => process.exit(1), (stopSeconds + 0.3) * 1000).unref()
  } else if (Date.now() - firstSignal > 1000) {
    // Within a second it is the same Ctrl-C: the terminal signals us, and npm passes on its own.
    kill.abort()
  }
}
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal)

try {
  const { logLevel } = readEnvironment(process.env)
  await runStandalone({
    env: process.env,
    programs: { api: program('api'), worker: program('worker') },
    openDatabase,
    log: pino({ name: 'standalone', level: logLevel }, pino.destination({ fd: 2, sync: true })),
    print: (line) => process.stdout.write(`${line}\n`),
    stop: stop.signal,
    kill: kill.signal,
  })
  process.exit(0)
} catch (error) {
  process.stderr.write(`sluice stopped: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exit(1)
}
