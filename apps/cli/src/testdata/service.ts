import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import readline from 'node:readline'
import { cloneDatabase } from '@sluice/testkit'

const apps = path.resolve(import.meta.dirname, '../../..')

/** A real api and worker, from their sources, on a database of their own. */
export async function startService(adminPassword: string): Promise<{ url: string; stop(): Promise<void> }> {
  const database = await cloneDatabase()
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'sluice-cli-e2e-'))
  const common = { PATH: process.env['PATH'], SLUICE_DATA_DIR: folder, SLUICE_LOG_LEVEL: 'warn' }
  const forApi = { SLUICE_PORT: '0', SLUICE_ADMIN_PASSWORD: adminPassword, DATABASE_URL: database.apiUrl }
  const children = [
    start('api', { ...common, ...forApi }),
    start('worker', { ...common, DATABASE_URL: database.workerUrl }),
  ]
  const stop = async (): Promise<void> => {
    await Promise.all(children.map(end))
    await database.drop()
    fs.rmSync(folder, { recursive: true })
  }
  try {
    return { url: await readyUrl(children[0]), stop }
  } catch (error) {
    await stop()
    throw error
  }
}

function start(app: string, env: NodeJS.ProcessEnv): ChildProcess {
  const script = path.join(apps, app, 'src/main.ts')
  const node = ['--conditions=sluice-source', '--import', 'tsx', script]
  return spawn(process.execPath, node, { env, stdio: ['ignore', app === 'api' ? 'pipe' : 'ignore', 'inherit'] })
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exit = once(child, 'exit')
  child.kill('SIGTERM')
  await exit
}

async function readyUrl(api: ChildProcess | undefined): Promise<string> {
  if (api?.stdout) {
    for await (const line of readline.createInterface({ input: api.stdout })) {
      const [, url] = /^ready (http\S+)$/.exec(line) ?? []
      if (url !== undefined) return url
    }
  }
  throw new Error('the api ended before it was ready')
}
