import path from 'node:path'
import type { Settings } from '@sluice/contract/environment'
import type { PostgresServer } from '@sluice/postgres'
import { ensureDatabase, startPostgres } from '@sluice/postgres'
import { prepareDatabase } from '@sluice/store'
import type { Logger } from 'pino'
import { rolePasswords } from './folder.ts'

/** A migrated database, with one URL for each process: its own role's, never the owner's. */
export type Database = {
  readonly apiUrl: string
  readonly workerUrl: string
  /** Stops the embedded server; an outside one is left alone. */
  readonly close: (withinSeconds: number) => Promise<void>
}

/** DATABASE_URL when set, else a PostgreSQL of our own under the data folder; migrated, with its roles. */
export async function openDatabase(folder: string, settings: Settings, log: Logger): Promise<Database> {
  const passwords = rolePasswords(folder)
  const outside = settings.migrateDatabaseUrl ?? settings.databaseUrl
  if (outside !== undefined) {
    return { ...(await prepareDatabase({ ownerUrl: outside, passwords })), close: async () => undefined }
  }
  const server = await startPostgres({ dataDir: folder })
  const { port, attached, home } = server
  log.info({ port, attached, home }, 'PostgreSQL runs')
  if (path.dirname(home) !== folder) {
    log.warn({ home }, 'PostgreSQL lives outside the data folder, which its user cannot reach')
  }
  const keeper = keepRunning(folder, server, log)
  const close = async (withinSeconds: number): Promise<void> => {
    const latest = await keeper.end()
    await latest.stop({ withinSeconds })
  }
  try {
    const urls = await prepareDatabase({ ownerUrl: await ensureDatabase(server.url, 'sluice'), passwords })
    return { ...urls, close }
  } catch (error) {
    await close(5)
    throw error
  }
}

const watchMs = 500

/** Starts the server again, on its port, whenever its process is gone. */
function keepRunning(
  dataDir: string,
  first: PostgresServer,
  log: Logger,
): { end(): Promise<PostgresServer> } {
  let server = first
  let restarting: Promise<void> | undefined
  const restart = async (): Promise<void> => {
    log.warn({ port: server.port }, 'PostgreSQL died')
    try {
      server = await startPostgres({ dataDir, port: server.port })
      log.info({ port: server.port }, 'PostgreSQL runs again')
    } catch (err) {
      log.error({ err }, 'PostgreSQL does not start again')
    }
    restarting = undefined
  }
  const watch = setInterval(() => {
    if (restarting === undefined && !server.running()) restarting = restart()
  }, watchMs)
  return {
    async end() {
      clearInterval(watch)
      await restarting
      return server
    },
  }
}
