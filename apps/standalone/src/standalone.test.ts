import { spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { until } from '@sluice/testkit'
import pino from 'pino'
import { afterEach, expect, test } from 'vitest'
import { identify } from './identity.ts'
import { claimPort } from './leftovers.ts'
import { runStandalone } from './standalone.ts'

const fake = (file: string): string => fileURLToPath(new URL(`./testdata/${file}`, import.meta.url))
const cleanups: (() => Promise<unknown> | void)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
})

function temporary(): string {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'sluice-standalone-'))
  cleanups.push(() => fs.rmSync(folder, { recursive: true, force: true }))
  return folder
}

type Told = { pid: number; argv: string; SLUICE_PORT: string } & Record<string, string | undefined>

function run(
  folder = temporary(),
  { api = fake('api.mjs'), worker = fake('apps/worker/main.mjs'), port = '0' } = {},
) {
  const trace = path.join(folder, 'trace')
  const lines: string[] = []
  const closed: { alive: boolean[] }[] = []
  const stop = new AbortController()
  const kill = new AbortController()
  const told = (): Told[] =>
    (fs.existsSync(trace) ? fs.readFileSync(trace, 'utf8') : '')
      .split('\n')
      .filter((line) => line !== '')
      .map((line): Told => JSON.parse(line))
  const done = runStandalone({
    env: {
      ...process.env,
      FAKE_TRACE: trace,
      SLUICE_DATA_DIR: path.join(folder, 'data'),
      SLUICE_PORT: port,
      SLUICE_ADMIN_PASSWORD: 'first',
      DATABASE_URL: 'postgres://owner:secret@db/x',
      SLUICE_MIGRATE_DATABASE_URL: 'postgres://owner:secret@db/x',
    },
    programs: { api, worker },
    openDatabase: async () => ({
      apiUrl: 'postgres://api',
      workerUrl: 'postgres://worker',
      close: async () => void closed.push({ alive: told().map(({ pid }) => alive(pid)) }),
    }),
    log: pino({ level: 'silent' }),
    print: (line) => void lines.push(line),
    stop: stop.signal,
    kill: kill.signal,
  })
  done.catch(() => undefined)
  cleanups.push(() => {
    stop.abort()
    kill.abort()
    return done.catch(() => undefined)
  })
  const printed = () => lines.find((line) => line.startsWith('ready'))
  const refused = done.then(() => Promise.reject(new Error('stopped before it was ready')))
  refused.catch(() => undefined)
  const ready = () => Promise.race([until(printed, { what: 'the line ready' }), refused])
  return { folder, lines, closed, told, stop, kill, done, ready }
}

// Asked so that a zombie counts as dead: in a container nobody may collect the orphans of a killed supervisor.
const alive = (pid: number): boolean => identify(pid) !== undefined

test('starts both programs with what is theirs, prints password and address once, stops all of it', async () => {
  const { folder, lines, closed, told, stop, done, ready } = run()
  const line = await ready()
  const [api, worker] = ['api.mjs', 'apps/worker/main.mjs'].map((name) =>
    told().find(({ argv }) => argv.includes(name)),
  )
  const port = api?.SLUICE_PORT ?? ''
  expect(lines).toEqual(['admin password (shown once): s3same', `ready http://127.0.0.1:${port}`])
  const common = { SLUICE_DATA_DIR: path.join(folder, 'data'), SLUICE_PORT: port }
  expect(api).toMatchObject({ ...common, DATABASE_URL: 'postgres://api', SLUICE_ADMIN_PASSWORD: 'first' })
  expect(worker).toMatchObject({ ...common, DATABASE_URL: 'postgres://worker' })
  expect(worker).not.toHaveProperty('SLUICE_ADMIN_PASSWORD')
  expect(told().some((program) => 'SLUICE_MIGRATE_DATABASE_URL' in program)).toBe(false)
  expect(await (await fetch(line.replace('ready ', ''))).text()).toBe('served')
  expect(fs.statSync(path.join(folder, 'data')).mode & 0o777).toBe(0o700)
  stop.abort()
  await done
  expect(closed).toEqual([{ alive: [false, false] }])
  expect(fs.readdirSync(path.join(folder, 'data'))).not.toContain('supervisor.lock')
})

test('starts a dead child again, and says ready only once', async () => {
  const { lines, told, ready } = run()
  await ready()
  for (const name of ['api.mjs', 'worker']) {
    const before = told()
    process.kill(before.find(({ argv }) => argv.includes(name))?.pid ?? 0, 'SIGKILL')
    const next = await until(() => told()[before.length], { what: `another ${name}` })
    expect(next.argv).toContain(name)
  }
  const port = told()[0]?.SLUICE_PORT ?? ''
  await until(async () => (await fetch(`http://127.0.0.1:${port}`)).ok, { what: 'the api again' })
  expect(lines.filter((line) => line.startsWith('ready'))).toHaveLength(1)
})

test('a child that does not stop is killed, in time', { timeout: 15_000 }, async () => {
  const { told, stop, done, ready } = run(undefined, { worker: fake('stubborn.mjs') })
  await ready()
  const since = Date.now()
  stop.abort()
  await done
  expect(Date.now() - since).toBeLessThan(10_000)
  expect(told().some(({ pid }) => alive(pid))).toBe(false)
})

test('a second signal kills at once', async () => {
  const { told, stop, kill, done, ready } = run(undefined, { worker: fake('stubborn.mjs') })
  await ready()
  const since = Date.now()
  stop.abort()
  kill.abort()
  await done
  expect(Date.now() - since).toBeLessThan(3_000)
  expect(told().some(({ pid }) => alive(pid))).toBe(false)
})

test('gives up on a child that never gets ready, and stops the other', { timeout: 15_000 }, async () => {
  const { told, done, closed } = run(undefined, { worker: fake('dies.mjs') })
  await expect(done).rejects.toMatchObject({ code: 'never_ready' })
  expect(told().some(({ pid }) => alive(pid))).toBe(false)
  expect(closed).toHaveLength(1)
})

test('a second start on the folder is refused, and leaves the first alone', async () => {
  const first = run()
  await first.ready()
  await expect(run(first.folder).done).rejects.toMatchObject({ code: 'already_running' })
  expect(first.told().every(({ pid }) => alive(pid))).toBe(true)
})

test('a taken port is refused before anything starts', async () => {
  const port = await claimPort('127.0.0.1', 0)
  const neighbour = net.createServer().listen(port, '127.0.0.1')
  cleanups.push(() => void neighbour.close())
  await new Promise((resolve) => neighbour.once('listening', resolve))
  const { done, closed } = run(undefined, { port: String(port) })
  await expect(done).rejects.toMatchObject({ code: 'port_taken' })
  expect(closed).toEqual([])
})

test('a bad environment starts nothing', async () => {
  await expect(run(undefined, { port: 'eighty' }).done).rejects.toMatchObject({ variable: 'SLUICE_PORT' })
})

test('recovers after its own kill -9: folder and port are free, no child runs double', async () => {
  const folder = temporary()
  const trace = path.join(folder, 'trace')
  const port = String(await claimPort('127.0.0.1', 0))
  const supervisor = spawn(
    process.execPath,
    ['--conditions=sluice-source', '--import', 'tsx', fake('supervisor.mts')],
    {
      env: {
        ...process.env,
        FAKE_TRACE: trace,
        SLUICE_DATA_DIR: path.join(folder, 'data'),
        SLUICE_PORT: port,
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  cleanups.push(() => void supervisor.kill('SIGKILL'))
  const printed = await new Promise<string>((resolve) => {
    let text = ''
    supervisor.stdout.on('data', (chunk) => {
      text += String(chunk)
      if (text.includes('ready ')) resolve(text)
    })
  })
  expect(printed).toContain(`ready http://127.0.0.1:${port}\n`)
  supervisor.kill('SIGKILL')
  await once(supervisor, 'exit')

  const next = run(folder, { port })
  await next.ready()
  const programs = next.told()
  expect(programs).toHaveLength(4)
  expect(programs.map(({ pid }) => alive(pid))).toEqual([false, false, true, true])
})
