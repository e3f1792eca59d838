import { spawn } from 'node:child_process'
import fs from 'node:fs'
import { until } from '@sluice/testkit'

/**
 * Starts a daemon that belongs to one test, and answers how to end it.
 * @throws Error with what it wrote when it is not there, or not ready in time
 */
export async function startDaemon(
  command: string,
  args: readonly string[],
  { log, ready }: { log: string; ready: () => Promise<unknown> },
): Promise<() => Promise<void>> {
  const out = fs.openSync(log, 'a')
  const child = spawn(command, args, { stdio: ['ignore', out, out] })
  fs.closeSync(out)
  let failure: Error | undefined
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve())
    child.once('error', (error) => {
      failure = error
      resolve()
    })
  })
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM')
    await ended
  }
  try {
    await until(() => ready().then(() => true), { what: `${command} to answer`, timeoutMs: 60_000 })
    return stop
  } catch (cause) {
    await stop()
    const written = fs.readFileSync(log, 'utf8').slice(-2000)
    throw new Error(`${command} did not start: ${failure?.message ?? written}`, { cause })
  }
}
