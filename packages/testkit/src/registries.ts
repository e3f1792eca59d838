import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { wantProgram } from './programs.ts'
import { until } from './wait.ts'

/** Registries of other makers, by the program that must be on the PATH. */
const PROGRAMS = { 'docker-registry': 'docker-registry', distribution3: 'registry', zot: 'zot' } as const

export type RegistryKind = keyof typeof PROGRAMS

/** Those that every registry's tests run over: zot where the machine has it, for it is not among the outside tools. */
export const REGISTRY_KINDS: readonly RegistryKind[] = [
  'docker-registry',
  'distribution3',
  ...(onPath(PROGRAMS.zot) ? (['zot'] as const) : []),
]

/** What a registry of the Distribution project may be started with. */
export interface RegistryNeeds {
  /** Files in PEM: it speaks TLS; with `clientAuthority`, to those alone who show a certificate of it. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly clientAuthority?: string }
  /** It remembers in memory which blobs it has, as Debian's own configuration does. */
  readonly remembers?: boolean
  /** Its files are on a small disk of their own, which needs Linux with user namespaces. */
  readonly diskMegabytes?: number
}

export interface RunningRegistry {
  readonly kind: RegistryKind
  readonly url: string
  readonly pid: number
  /** Where it keeps its files. */
  readonly folder: string
  /** Makes its small disk that large. */
  growDisk(megabytes: number): Promise<void>
  stop(): Promise<void>
}

/**
 * Starts a registry of another maker on a free port, with an empty folder.
 * @throws Error naming the program when it is not there or does not start
 */
export async function startRegistry(kind: RegistryKind, needs: RegistryNeeds = {}): Promise<RunningRegistry> {
  await wantProgram(PROGRAMS[kind])
  const folder = await mkdtemp(path.join(tmpdir(), `sluice-${kind}-`))
  const port = await freePort()
  const config = path.join(folder, kind === 'zot' ? 'config.json' : 'config.yml')
  await writeFile(config, kind === 'zot' ? zotConfig(folder, port) : distributionConfig(folder, port, needs))
  const data = path.join(folder, 'data')
  await mkdir(data)
  // Set for other clients, it would be read as a setting of the registry and end it.
  const { REGISTRY_AUTH_FILE: _, ...env } = process.env
  const { diskMegabytes, tls } = needs
  const serve = [PROGRAMS[kind], 'serve', config]
  const onDisk = `mount -t tmpfs -o size=${diskMegabytes}m tmpfs "$0" && exec "$@"`
  const [program = '', ...args] =
    diskMegabytes === undefined ? serve : ['unshare', '-rm', 'sh', '-c', onDisk, data, ...serve]
  const child = spawn(program, args, { env, stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => void (said = (said + text).slice(-2000)))
  let failure: Error | null = null
  child.once('error', (cause) => {
    failure = new Error(`${PROGRAMS[kind]} did not start; is it on the PATH?`, { cause })
  })
  const url = `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`
  const answers = async (): Promise<boolean> => {
    if (failure !== null || child.exitCode !== null) return true
    if (tls !== undefined) return listens(port)
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
    async growDisk(megabytes) {
      const within = ['-t', String(child.pid), '-U', '-m', '--preserve-credentials']
      await promisify(execFile)('nsenter', [...within, 'mount', '-o', `remount,size=${megabytes}m`, data])
    },
    async stop() {
      const gone = once(child, 'exit')
      if (child.exitCode === null && child.kill('SIGKILL')) await gone
      await rm(folder, { recursive: true, force: true })
    },
  }
}

function distributionConfig(folder: string, port: number, { tls, remembers }: RegistryNeeds): string {
  const { clientAuthority } = tls ?? {}
  const asks = clientAuthority === undefined ? '' : `, clientcas: [${clientAuthority}]`
  const secured = tls === undefined ? '' : `, tls: {certificate: ${tls.cert}, key: ${tls.key}${asks}}`
  const cache = remembers === true ? ', cache: {blobdescriptor: inmemory}' : ''
  const lines = [
    'version: 0.1',
    'log: {level: error, accesslog: {disabled: true}}',
    `storage: {filesystem: {rootdirectory: ${path.join(folder, 'data')}}, delete: {enabled: true}${cache}}`,
    `http: {addr: "127.0.0.1:${port}"${secured}}`,
  ]
  return `${lines.join('\n')}\n`
}

function zotConfig(folder: string, port: number): string {
  const storage = { rootDirectory: path.join(folder, 'data') }
  const http = { address: '127.0.0.1', port: String(port) }
  return JSON.stringify({ distSpecVersion: '1.1.1', storage, http, log: { level: 'error' } })
}

function onPath(program: string): boolean {
  return (process.env['PATH'] ?? '')
    .split(path.delimiter)
    .some((folder) => existsSync(path.join(folder, program)))
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const closed = once(server, 'close')
  server.close()
  await closed
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}
