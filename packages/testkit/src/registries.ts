import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { until } from './wait.ts'

/** Registries of other makers, by the program that must be on the PATH. */
const PROGRAMS = { 'docker-registry': 'docker-registry', distribution3: 'registry', zot: 'zot' } as const

export type RegistryKind = keyof typeof PROGRAMS

export interface RunningRegistry {
  readonly kind: RegistryKind
  readonly url: string
  readonly pid: number
  /** Where it keeps its files. */
  readonly folder: string
  stop(): Promise<void>
}

/**
 * Starts a registry of another maker on a free port, with an empty folder.
 * @throws Error naming the program when it is not there or does not start
 */
export async function startRegistry(kind: RegistryKind): Promise<RunningRegistry> {
  const folder = await mkdtemp(path.join(tmpdir(), `sluice-${kind}-`))
  const port = await freePort()
  const config = path.join(folder, kind === 'zot' ? 'config.json' : 'config.yml')
  await writeFile(config, kind === 'zot' ? zotConfig(folder, port) : distributionConfig(folder, port))
  // Set for other clients, it would be read as a setting of the registry and end it.
  const { REGISTRY_AUTH_FILE: _, ...env } = process.env
  const child = spawn(PROGRAMS[kind], ['serve', config], { env, stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => void (said = (said + text).slice(-2000)))
  let failure: Error | null = null
  child.once('error', (cause) => {
    failure = new Error(`${PROGRAMS[kind]} did not start; is it on the PATH?`, { cause })
  })
  const url = `http://127.0.0.1:${port}`
  const answers = async (): Promise<boolean> => {
    if (failure !== null || child.exitCode !== null) return true
    return (await fetch(`${url}/v2/`)).ok
  }
  await until(answers, { what: `${PROGRAMS[kind]} at ${url}`, timeoutMs: 20_000 })
  if (failure !== null) throw failure
  if (child.pid === undefined || child.exitCode !== null) throw new Error(`${PROGRAMS[kind]} ended: ${said}`)
  return {
    kind,
    url,
    pid: child.pid,
    folder,
    async stop() {
      const gone = once(child, 'exit')
      if (child.exitCode === null && child.kill('SIGKILL')) await gone
      await rm(folder, { recursive: true, force: true })
    },
  }
}

function distributionConfig(folder: string, port: number): string {
  const lines = [
    'version: 0.1',
    'log: {level: error, accesslog: {disabled: true}}',
    `storage: {filesystem: {rootdirectory: ${path.join(folder, 'data')}}, delete: {enabled: true}}`,
    `http: {addr: "127.0.0.1:${port}"}`,
  ]
  return `${lines.join('\n')}\n`
}

function zotConfig(folder: string, port: number): string {
  const storage = { rootDirectory: path.join(folder, 'data'), dedupe: false }
  const http = { address: '127.0.0.1', port: String(port) }
  return JSON.stringify({ distSpecVersion: '1.1.1', storage, http, log: { level: 'error' } })
}

/** A port that was free a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const closed = once(server, 'close')
  server.close()
  await closed
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}
