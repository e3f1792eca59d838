import path from 'node:path'
import type { Settings } from '@sluice/contract/environment'
import { loadSecret, openStore } from '@sluice/store'
import type { Logger } from 'pino'
import { poolSize, tellPrimary } from './processes.ts'
import { startService } from './service.ts'

const GRACE_MS = 5_000

/**
 * One serving process: tells the primary what was seeded, and when it serves; ends with SIGTERM or the primary.
 * @throws what opening the store, the keys and the port throw
 */
export async function runServing(settings: Settings, log: Logger): Promise<void> {
  // The primary is gone, however it went: nobody hands connections to this process any more.
  process.on('disconnect', () => process.exit(0))
  if (settings.databaseUrl === undefined)
    throw new Error('DATABASE_URL: is needed; npm start brings its own database')
  const dataDir = path.resolve(settings.dataDir)
  const secret = loadSecret({ ...settings, dataDir })
  const aside = (err: unknown): void =>
    log.warn({ err }, 'what was pulled, or how an upstream answers, is not recorded')
  const store = await openStore({ url: settings.databaseUrl, poolSize: poolSize(), secret, aside })
  const seeded = await store.accounts.seed({
    adminPassword: settings.adminPassword,
    instance: settings.instance,
  })
  if (seeded.seeded && seeded.generatedPassword !== null) {
    tellPrimary({ type: 'seeded', username: seeded.username, password: seeded.generatedPassword })
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
  tellPrimary({ type: 'ready', url: service.url })
  log.info({ url: service.url }, 'api serves')
}
