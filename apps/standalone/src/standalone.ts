import path from 'node:path'
import { readEnvironment, type Settings } from '@sluice/contract/environment'
import type { Logger } from 'pino'
import { superviseChild } from './child.ts'
import type { Database } from './database.ts'
import { StandaloneError } from './error.ts'
import { openFolder } from './folder.ts'
import { claimPort, endLeftovers, noteChild } from './leftovers.ts'

export type StandaloneOptions = {
  readonly env: NodeJS.ProcessEnv
  /** Absolute paths of the two programs' main modules. */
  readonly programs: { readonly api: string; readonly worker: string }
  readonly openDatabase: (folder: string, settings: Settings, log: Logger) => Promise<Database>
  readonly log: Logger
  /** Prints a line for people and scripts, on stdout. */
  readonly print: (line: string) => void
  /** Ends all of it in an orderly way, within {@link stopSeconds}. */
  readonly stop: AbortSignal
  /** Ends all of it at once. */
  readonly kill: AbortSignal
}

/** From the stop signal to the last process's end. */
export const stopSeconds = 9.5
const childSeconds = 7

/**
 * Runs Postgres, the api and the worker until `stop`: folder and lock, what a killed run left, database,
 * children; back in the opposite order. Prints `ready <url>` once, when both children are ready.
 * @throws EnvironmentError, StandaloneError, PostgresError, or the store's error, when all is stopped again
 */
export async function runStandalone(options: StandaloneOptions): Promise<void> {
  const { env, log, stop, kill } = options
  const settings = readEnvironment(env)
  const folder = openFolder(path.resolve(settings.dataDir))
  let stopSince: number | undefined
  stop.addEventListener('abort', () => (stopSince = Date.now()), { once: true })
  try {
    await endLeftovers(folder.path, log)
    const port = await claimPort(settings.host, settings.port)
    if (stop.aborted) return
    const database = await options.openDatabase(folder.path, settings, log)
    try {
      if (!stop.aborted) await runChildren(options, { folder: folder.path, port, database })
    } finally {
      const left = stopSeconds - (Date.now() - (stopSince ?? Date.now())) / 1000
      await database.close(kill.aborted ? 1 : left)
    }
  } finally {
    folder.release()
  }
}

type Site = { folder: string; port: number; database: Database }

async function runChildren(options: StandaloneOptions, { folder, port, database }: Site): Promise<void> {
  const { env, programs, log, print, stop, kill } = options
  const ready = new Map<string, string>()
  let announced = false
  const announce = (name: string, url = ''): void => {
    ready.set(name, url)
    if (announced || ready.size < 2) return
    announced = true
    print(`ready ${ready.get('api')}`)
  }
  let end: (error?: StandaloneError) => void = () => undefined
  const ended = new Promise<StandaloneError | undefined>((resolve) => (end = resolve))
  stop.addEventListener('abort', () => end(), { once: true })

  const {
    DATABASE_URL: _,
    SLUICE_MIGRATE_DATABASE_URL: __,
    SLUICE_ADMIN_PASSWORD: adminPassword,
    ...shared
  } = env
  const common = { ...shared, SLUICE_DATA_DIR: folder, SLUICE_PORT: String(port) }
  const forApi = { ...common, DATABASE_URL: database.apiUrl, SLUICE_ADMIN_PASSWORD: adminPassword }
  const forWorker = { ...common, DATABASE_URL: database.workerUrl }
  const child = (name: 'api' | 'worker', childEnv: NodeJS.ProcessEnv) =>
    superviseChild({
      name,
      script: programs[name],
      env: childEnv,
      log,
      onSpawn: (pid) => noteChild(folder, pid),
      onMessage: (message) => {
        if (message.type === 'ready') announce(name, message.url)
        else if (name === 'api') print(`admin password (shown once): ${message.password}`)
      },
      onHopeless: () => {
        end(new StandaloneError('never_ready', `the ${name} does not start: its last lines above say why`))
      },
    })
  const children = [child('api', forApi), child('worker', forWorker)]
  const error = await ended
  // Not AbortSignal.any and .timeout: Node 20 may collect such a signal before its time has come.
  const impatient = new AbortController()
  const lose = (): void => impatient.abort()
  const patience = setTimeout(lose, childSeconds * 1000)
  kill.addEventListener('abort', lose, { once: true })
  if (kill.aborted) lose()
  await Promise.all(children.map((child) => child.stop(impatient.signal)))
  clearTimeout(patience)
  if (error !== undefined) throw error
}
