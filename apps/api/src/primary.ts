import cluster, { type Worker } from 'node:cluster'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import type { Settings } from '@sluice/contract/environment'
import type { Logger } from 'pino'
import { AggregatorRegistry, type RegistryContentType } from 'prom-client'
import { type Answered, heardFrom, processCount, type Told, withLife } from './processes.ts'

const FIRST_PAUSE_MS = 200
const LAST_PAUSE_MS = 5_000
const HEALTHY_MS = 30_000

/**
 * Layers pass outside of the heap, which needs a tenth of this. V8 collects the sooner the smaller the most is that it
 * may take: without a limit, on a large machine, it lets hundreds of megabytes of garbage stand. In MB.
 */
const HEAP = ['--max-old-space-size=512', '--max-semi-space-size=8']

/**
 * What is read before a process runs its first line, so what starts it must say it.
 *
 * Outside of the heap, glibc gives memory back above a threshold that it raises by itself whenever something large was
 * freed, as after every hash of a password; one that is set stays. In bytes. Other C libraries do not read it.
 *
 * Node's pool of four threads would be asleep while four uploads wait for the disk, and every read of a file and every
 * hash of a password would wait with them.
 */
const PROCESS = { MALLOC_TRIM_THRESHOLD_: '131072', UV_THREADPOOL_SIZE: '16' }

/** Of these settings those that whoever started this has not set. */
export function processSettings(environment: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(Object.entries(PROCESS).filter(([name]) => environment[name] === undefined))
}

/** Over IPC to a supervisor; alone, in words for who started it. */
function tell(message: Exclude<Told, { type: 'metrics wanted' }>): void {
  if (process.send) process.send(message)
  else if (message.type === 'ready') process.stdout.write(`ready ${message.url}\n`)
  else process.stdout.write(`${message.username} password (shown once): ${message.password}\n`)
}

/**
 * Starts the serving processes, the first one alone: what is made once, at the first start, it makes undisturbed.
 * Says `ready` once, when all serve. A process that dies is replaced, after 0.2 s doubling to 5 s; before all have
 * served once, it ends the start. SIGTERM ends them all; each finishes what it is answering.
 */
export async function runPrimary(settings: Settings, log: Logger): Promise<void> {
  cluster.setupPrimary({ execArgv: [...process.execArgv, ...HEAP] })
  const metrics = new AggregatorRegistry()
  const environment = { ...processSettings(process.env), ...withLife(randomUUID()) }
  let stopping = false
  let serving = false
  let pause = FIRST_PAUSE_MS

  function begin(): Promise<string> {
    const worker = cluster.fork(environment)
    const begun = Date.now()
    const ready = new Promise<string>((resolve) => {
      heardFrom(worker, (told) => {
        if (told.type === 'ready') resolve(told.url)
        else if (told.type === 'seeded') tell(told)
        else if (told.type === 'metrics wanted') void answerMetrics(metrics, worker, told.id)
      })
    })
    worker.once('exit', (exitCode, signal) => {
      if (stopping) return
      // It has said why, on stderr.
      if (!serving) process.exit(1)
      if (Date.now() - begun >= HEALTHY_MS) pause = FIRST_PAUSE_MS
      log.warn({ pid: worker.process.pid, exitCode, signal, backoffMs: pause }, 'serving process died')
      setTimeout(() => stopping || void begin(), pause)
      pause = Math.min(pause * 2, LAST_PAUSE_MS)
    })
    return ready
  }

  const stop = async (): Promise<void> => {
    if (stopping) return
    stopping = true
    const workers = Object.values(cluster.workers ?? {}).filter((worker) => worker !== undefined)
    await Promise.all(
      workers.map((worker) => {
        const ended = once(worker, 'exit')
        worker.process.kill('SIGTERM')
        return ended
      }),
    )
    process.exit(0)
  }
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void stop())
  // The supervisor is gone, however it went: its database goes too, so nothing is left to serve.
  process.on('disconnect', () => process.exit(0))

  const processes = processCount()
  const url = await begin()
  await Promise.all(Array.from({ length: processes - 1 }, begin))
  serving = true
  tell({ type: 'ready', url })
  log.info({ url, processes, port: settings.port }, 'all processes of the api serve')
}

async function answerMetrics(
  metrics: AggregatorRegistry<RegistryContentType>,
  worker: Worker,
  id: string,
): Promise<void> {
  const text = await metrics.clusterMetrics().catch(() => null)
  const answer: Answered = { type: 'metrics', id, text }
  if (worker.isConnected()) worker.send(answer)
}
