import path from 'node:path'
import { readEnvironment } from '@sluice/contract/environment'
import { loadSecret, openStore } from '@sluice/store'
import pino from 'pino'
import { startService } from './service.ts'

const GRACE_MS = 5_000

/** Over IPC to a supervisor; alone, in words for who started it. */
const tell = (message: { type: string; [field: string]: string }, line: string): void => {
  if (process.send) process.send(message)
  else process.stdout.write(`${line}\n`)
}

try {
  const settings = readEnvironment(process.env)
  if (settings.databaseUrl === undefined)
    throw new Error('DATABASE_URL: is needed; npm start brings its own database')
  const log = pino(
    { name: 'api', level: settings.logLevel, redact: ['*.headers.authorization', 'authorization'] },
    pino.destination({ fd: 2, sync: false }),
  )
  const dataDir = path.resolve(settings.dataDir)
  const secret = loadSecret({ ...settings, dataDir })
  const store = await openStore({ url: settings.databaseUrl, secret })
  const seeded = await store.accounts.seed({
    adminPassword: settings.adminPassword,
    instance: settings.instance,
  })
  if (seeded.seeded && seeded.generatedPassword !== null) {
    const { username, generatedPassword: password } = seeded
    tell({ type: 'seeded', username, password }, `${username} password (shown once): ${password}`)
  }
  const service = await startService(store, { ...settings, dataDir }, secret, log)
  let stopping = false
  const stop = async (): Promise<void> => {
    if (stopping) return
    stopping = true
    await service.close(GRACE_MS)
    await store.close()
    process.exit(0)
  }
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void stop())
  // The supervisor is gone, however it went: its database goes too, so nothing is left to serve.
  process.on('disconnect', () => process.exit(0))
  tell({ type: 'ready', url: service.url }, `ready ${service.url}`)
  log.info({ url: service.url }, 'api serves')
} catch (error) {
  process.stderr.write(`api stopped: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exit(1)
}
