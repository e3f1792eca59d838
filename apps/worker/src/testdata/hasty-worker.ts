import pino from 'pino'
import { readSettings } from '../settings.ts'
import { startWorker } from '../worker.ts'

const settings = readSettings(process.env)
await startWorker(settings, pino({ name: 'worker' }), { leaseMs: 2_000, timeoutMs: 1_000 })
process.on('disconnect', () => process.exit(0))
process.send?.({ type: 'ready' })
