import net from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import { codeOf, StandaloneError } from './error.ts'
import { readPrivate, writePrivate } from './folder.ts'
import type { Identity } from './identity.ts'
import { identify, isAlive, isIdentity } from './identity.ts'

const list = 'children.json'
const graceMs = 5_000

/** Remembers a child for {@link endLeftovers} of the next start, in place of its dead predecessors. */
export function noteChild(folder: string, pid: number): void {
  const child = identify(pid)
  if (child === undefined) return
  const others = livingChildren(folder)
  writePrivate(folder, list, [...others, child])
}

/**
 * Children of a killed supervisor end by themselves when its IPC channel closes. This waits for them, and
 * kills what is left after 5 s, so that no program runs twice.
 */
export async function endLeftovers(folder: string, log: Logger): Promise<void> {
  const deadline = Date.now() + graceMs
  for (;;) {
    const left = livingChildren(folder)
    if (left.length === 0) return
    if (Date.now() > deadline) {
      log.warn({ pids: left.map(({ pid }) => pid) }, 'killing children of a supervisor that is gone')
      for (const { pid } of left) process.kill(pid, 'SIGKILL')
    }
    await sleep(20)
  }
}

function livingChildren(folder: string): Identity[] {
  return (readPrivate(folder, list, areIdentities) ?? []).filter(isAlive)
}

function areIdentities(value: unknown): value is Identity[] {
  return Array.isArray(value) && value.every(isIdentity)
}

const portMs = 2_000

/**
 * The port to serve on: the wanted one, or for 0 a free one, the same over every restart of the api. A taken
 * one is asked for again for 2 s: the last thread of a killed api holds it a little longer than its process.
 * @throws StandaloneError `port_taken`
 */
export async function claimPort(host: string, port: number): Promise<number> {
  const deadline = Date.now() + portMs
  for (;;) {
    try {
      return await listenOnce(host, port)
    } catch (error) {
      const code = codeOf(error)
      if (code !== 'EADDRINUSE' || Date.now() > deadline) {
        throw new StandaloneError(
          'port_taken',
          `cannot listen on ${host}, port ${port} (${code}): set SLUICE_PORT or SLUICE_HOST`,
          error,
        )
      }
      await sleep(50)
    }
  }
}

function listenOnce(host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = net.createServer()
    server.once('error', reject)
    server.listen({ host, port, exclusive: true }, () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : port))
    })
  })
}
