// Who is measured, each on a folder of its own on the same disk, logging errors alone.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import path from 'node:path'
import { freePort, startService } from '../scripts/service.mjs'

/** A program on the PATH, or where `.ci/run` puts tools; undefined where there is none. */
export function find(program) {
  const tools = path.join(homedir(), '.cache/sluice/tools')
  const { stdout } = spawnSync('which', [program], {
    encoding: 'utf8',
    env: { ...process.env, PATH: `${process.env.PATH}:${tools}` },
  })
  return stdout.trim() || undefined
}

/** `docker-registry` (distribution 2) and `registry` (distribution 3) take the same file. */
export async function startRegistry(program, folder) {
  mkdirSync(folder, { recursive: true })
  const port = await freePort()
  const config = path.join(folder, 'config.yml')
  const lines = [
    'version: 0.1',
    'log: {level: error, accesslog: {disabled: true}}',
    `storage: {filesystem: {rootdirectory: ${folder}}}`,
    `http: {addr: "127.0.0.1:${port}"}`,
  ]
  writeFileSync(config, lines.join('\n'))
  return await startPeer(program, ['serve', config], { folder, port })
}

/** zot as it starts by default, without a log. */
export async function startZot(program, folder) {
  mkdirSync(folder, { recursive: true })
  const port = await freePort()
  const config = path.join(folder, 'config.json')
  const storage = { rootDirectory: folder }
  const http = { address: '127.0.0.1', port: String(port) }
  writeFileSync(
    config,
    JSON.stringify({ distSpecVersion: '1.1.1', storage, http, log: { level: 'error', output: '/dev/null' } }),
  )
  return await startPeer(program, ['serve', config], { folder, port })
}

async function startPeer(program, args, { folder, port }) {
  // With it docker-registry does not start; and distribution 3 would trace to nowhere.
  const { REGISTRY_AUTH_FILE: _, ...env } = { ...process.env, OTEL_TRACES_EXPORTER: 'none' }
  const child = spawn(program, args, { env, stdio: 'ignore' })
  const exited = once(child, 'exit')
  const url = `http://127.0.0.1:${port}`
  while (!(await answers(url))) {
    if (child.exitCode !== null) throw new Error(`${program} ended with ${child.exitCode}`)
  }
  return {
    url,
    host: `127.0.0.1:${port}`,
    folder,
    pid: child.pid,
    name: (repository) => repository,
    authorization: async () => undefined,
    async stop() {
      child.kill('SIGKILL')
      await exited
    },
  }
}

const answers = (url) =>
  fetch(`${url}/v2/`).then(
    ({ ok }) => ok,
    () => false,
  )

/** Sluice as `npm start` makes it; every request carries a registry token. */
export async function startSluice() {
  const service = await startService({ env: { SLUICE_LOG_LEVEL: 'error' } })
  const basic = `Basic ${btoa(`admin:${service.adminPassword}`)}`
  await grant(service, 'dev', ['pull', 'push', 'delete'])
  return {
    ...service,
    host: new URL(service.url).host,
    apiPids: descendants(service.pid, 'apps/api'),
    workerPid: descendants(service.pid, 'apps/worker')[0],
    name: (repository) => `dev/${repository}`,
    /** As clients do it: a token for these repositories, good for minutes; so ask before each measure. */
    async authorization(...repositories) {
      const scopes = repositories.map((repository) => `&scope=repository:dev/${repository}:pull,push`)
      const at = `${service.url}/token?service=sluice${scopes.join('')}`
      const answer = await fetch(at, { headers: { authorization: basic } })
      return `Bearer ${(await answer.json()).token}`
    },
  }
}

export async function grant(service, feed, verbs, principal = 'user:admin') {
  const { items } = await service.call('GET', `/feeds/${feed}/grants`)
  const others = items.filter((item) => item.principal !== principal)
  await service.call('PUT', `/feeds/${feed}/grants`, [...others, { principal, verbs }])
}

/** The processes of a program below this one, however far down. */
function descendants(pid, part) {
  const { stdout } = spawnSync('ps', ['-A', '-o', 'pid=,ppid=,args='], { encoding: 'utf8' })
  const rows = stdout.split('\n').flatMap((row) => {
    const [, own, parent, args] = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(row) ?? []
    return own === undefined ? [] : [{ pid: Number(own), parent: Number(parent), args }]
  })
  const below = (of) => rows.filter(({ parent }) => parent === of).flatMap((row) => [row, ...below(row.pid)])
  const found = below(pid).filter(({ args }) => args.includes(part))
  if (found.length === 0) throw new Error(`the service has no child of ${part}`)
  return found.map((row) => row.pid)
}

/** The most memory a process has held since `forget`, in MB. */
export const peakMemory = (pid) =>
  Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024
export const forgetPeak = (pid) => writeFileSync(`/proc/${pid}/clear_refs`, '5')

export const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]
