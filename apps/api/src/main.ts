import cluster from 'node:cluster'
import { readEnvironment } from '@sluice/contract/environment'
import pino from 'pino'
import { runPrimary } from './primary.ts'
import { runServing } from './serving.ts'

// One process of these listens and hands connections out; the others, of the same program, serve them.
try {
  const settings = readEnvironment(process.env)
  const log = pino(
    { name: 'api', level: settings.logLevel, redact: ['*.headers.authorization', 'authorization'] },
    pino.destination({ fd: 2, sync: false }),
  )
  if (cluster.isPrimary) await runPrimary(settings, log)
  else await runServing(settings, log)
} catch (error) {
  process.stderr.write(`api stopped: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exit(1)
}
