import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import readline from 'node:readline'
import type { Logger } from 'pino'

/** What a child tells over IPC; the web address is the api's alone. */
export type ChildMessage =
  | { type: 'ready'; url?: string }
  | { type: 'seeded'; username: string; password: string }

export type ChildOptions = {
  readonly name: string
  /** Absolute path of the program's main module. */
  readonly script: string
  readonly env: NodeJS.ProcessEnv
  readonly log: Logger
  readonly onMessage: (message: ChildMessage) => void
  readonly onSpawn: (pid: number) => void
  /** It died `maxDeaths` times without having been ready once. */
  readonly onHopeless: () => void
}

export type Child = {
  /** SIGTERM, then SIGKILL as soon as `impatient` is aborted. Answers when the process is gone. */
  readonly stop: (impatient: AbortSignal) => Promise<void>
}

const firstBackoffMs = 200
const lastBackoffMs = 5_000
const healthyMs = 30_000
const maxDeaths = 5

/**
 * Keeps one program running in a process of its own: started again when it dies, after 0.2 s doubling to 5 s,
 * from the start again once it lived 30 s. It leads its own process group, so that Ctrl-C reaches only us.
 */
export function superviseChild(options: ChildOptions): Child {
  const { name, script, env, log } = options
  let running: ChildProcess | undefined
  let restart: NodeJS.Timeout | undefined
  let stopping = false
  let wasReady = false
  let deaths = 0
  let backoff = firstBackoffMs

  const start = (): void => {
    const started = Date.now()
    const child = spawn(process.execPath, [script], {
      env,
      stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
      detached: process.platform !== 'win32',
      windowsHide: true,
    })
    running = child
    if (child.pid !== undefined) options.onSpawn(child.pid)
    if (child.stdout !== null) {
      readline
        .createInterface({ input: child.stdout })
        .on('line', (line) => process.stderr.write(`${line}\n`))
    }
    child.on('message', (raw) => {
      const message = asMessage(raw)
      if (message === undefined) return log.warn({ child: name }, 'child sent an unknown message')
      wasReady ||= message.type === 'ready'
      options.onMessage(message)
    })
    let over = false
    const ended = (exitCode: number | null, signal: string | null, err?: Error): void => {
      if (over) return
      over = true
      running = undefined
      if (stopping) return
      deaths += 1
      if (Date.now() - started >= healthyMs) backoff = firstBackoffMs
      log.warn({ child: name, pid: child.pid, exitCode, signal, err, backoffMs: backoff }, 'child died')
      if (!wasReady && deaths >= maxDeaths) return options.onHopeless()
      restart = setTimeout(start, backoff)
      backoff = Math.min(backoff * 2, lastBackoffMs)
    }
    child.on('exit', (exitCode, signal) => ended(exitCode, signal))
    // Also a failed kill or send is an 'error'; only without a process has the child ended by it.
    child.on('error', (err) => child.pid === undefined && ended(null, null, err))
  }
  start()

  return {
    async stop(impatient) {
      stopping = true
      clearTimeout(restart)
      const child = running
      if (child === undefined) return
      const exit = once(child, 'exit')
      const kill = (): void => {
        log.warn({ child: name, pid: child.pid }, 'child did not stop in time')
        child.kill('SIGKILL')
      }
      if (impatient.aborted) kill()
      else {
        impatient.addEventListener('abort', kill, { once: true })
        child.kill('SIGTERM')
      }
      await exit
      impatient.removeEventListener('abort', kill)
    },
  }
}

function asMessage(raw: unknown): ChildMessage | undefined {
  if (typeof raw !== 'object' || raw === null) return undefined
  const { type, url, username, password }: { [key: string]: unknown } = { ...raw }
  if (type === 'ready') return typeof url === 'string' ? { type, url } : { type }
  if (type === 'seeded' && typeof username === 'string' && typeof password === 'string') {
    return { type, username, password }
  }
  return undefined
}
