import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import readline from 'node:readline'
import { Client } from 'pg'

export interface WorkerProcess {
  readonly process: ChildProcess
  /** What it logged, line by line. */
  readonly lines: readonly Record<string, unknown>[]
  /** Kills it at once, as a crash would. */
  kill(): Promise<void>
  /** Asks it to stop; answers its exit code. */
  stop(): Promise<number | null>
}

const root = path.resolve(import.meta.dirname, '../../../..')
const MAIN = path.join(root, 'apps/worker/src/main.ts')
/** The same worker, with leases of tags that a test can wait for. */
export const HASTY = path.join(root, 'apps/worker/src/testdata/hasty-worker.ts')

/** The worker as it runs in production, in a process of its own; resolves when it says that it is ready. */
export async function spawnWorker(
  databaseUrl: string,
  redisUrl: string | undefined,
  dataDir: string,
  main = MAIN,
): Promise<WorkerProcess> {
  const { PATH, TMPDIR } = process.env
  const child = spawn(process.execPath, ['--conditions=sluice-source', '--import=tsx', main], {
    cwd: root,
    env: { PATH, TMPDIR, DATABASE_URL: databaseUrl, SLUICE_DATA_DIR: dataDir, ...(redisUrl !== undefined && { REDIS_URL: redisUrl }) },
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  })
  const lines: Record<string, unknown>[] = []
  readline.createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', (line) => {
    lines.push(JSON.parse(line))
    if (process.env['DEBUG_WORKER']) process.stderr.write(`${child.pid} ${line}\n`)
  })
  const exit = once(child, 'exit')
  const gone = (): boolean => child.exitCode !== null || child.signalCode !== null
  await Promise.race([
    once(child, 'message'),
    exit.then(([code]) => {
      throw new Error(`the worker ended with ${code} before it was ready: ${JSON.stringify(lines)}`)
    }),
  ])
  return {
    process: child,
    lines,
    async kill() {
      if (!gone()) child.kill('SIGKILL')
      await exit
    },
    async stop() {
      if (!gone()) child.kill('SIGTERM')
      await exit
      return child.exitCode
    },
  }
}

/** A folder for the workers of one database, with a storage that is its own. */
export async function makeDataDir(databaseUrl: string): Promise<string> {
  const dataDir = fs.mkdtempSync(path.join(os.tmpdir(), 'sluice-worker-'))
  const client = new Client({ connectionString: databaseUrl })
  await client.connect()
  const { rows } = await client.query<{ id: string }>('select id from storage_owner')
  await client.end()
  fs.mkdirSync(path.join(dataDir, 'blobs'))
  fs.writeFileSync(path.join(dataDir, 'blobs', 'owner'), `${rows[0]?.id} ${new Date().toISOString()}`)
  return dataDir
}
