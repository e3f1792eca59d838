import pino from 'pino'
import { readSettings } from '../settings.ts'
import { startWorker } from '../worker.ts'

const settings = readSettings(process.env)
const limits = {
  headMs: 1_500,
  finishMs: 1_500,
  stallMs: 400,
  attempts: 3,
  firstBackoffMs: 10,
  longestBackoffMs: 50,
  longestRetryAfterMs: 60_000,
}
const tagTimes = { leaseMs: 2_000, timeoutMs: 1_000 }
await startWorker(settings, pino({ name: 'worker', level: settings.logLevel }), { tagTimes, limits })
process.on('disconnect', () => process.exit(0))
process.send?.({ type: 'ready' })
