// The supervisor over the fake programs, as a process that a test can kill.
import { fileURLToPath } from 'node:url'
import pino from 'pino'
import { runStandalone } from '../standalone.ts'

const never = new AbortController().signal
await runStandalone({
  env: process.env,
  programs: {
    api: fileURLToPath(new URL('./api.mjs', import.meta.url)),
    worker: fileURLToPath(new URL('./apps/worker/main.mjs', import.meta.url)),
  },
  openDatabase: async () => ({ apiUrl: 'postgres://api', workerUrl: 'postgres://worker', close: async () => undefined }),
  log: pino({ level: 'silent' }),
  print: (line) => process.stdout.write(`${line}\n`),
  stop: never,
  kill: never,
})
