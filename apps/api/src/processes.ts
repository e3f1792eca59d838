import cluster, { type Worker } from 'node:cluster'
import { randomUUID } from 'node:crypto'
import { availableParallelism } from 'node:os'
import type { Registry } from 'prom-client'

/** Two, so that one which dies interrupts nobody for long; and no more than the database has connections for. */
const FEWEST = 2
const MOST = 8
/** Connections to the database, of all serving processes together; and of each at the least. */
const CONNECTIONS = 20
const CONNECTIONS_EACH = 5

/** How many processes serve: one for each core that this program may use. */
export const processCount = (cores = availableParallelism()): number =>
  Math.min(Math.max(cores, FEWEST), MOST)

/** The share of one serving process in the connections to the database. */
export const poolSize = (processes = processCount()): number =>
  Math.max(Math.floor(CONNECTIONS / processes), CONNECTIONS_EACH)

const LIFE = 'API_LIFE'

/** What the primary hands to the processes that it starts: one id for as long as it lives. */
export const withLife = (life: string): Record<string, string> => ({ [LIFE]: life })

/** The id of the primary's life; of this process's where it has no primary. */
export const lifeOf = (env: NodeJS.ProcessEnv = process.env): string => env[LIFE] ?? randomUUID()

/** What a serving process tells the primary. */
export type Told =
  | { readonly type: 'seeded'; readonly username: string; readonly password: string }
  | { readonly type: 'ready'; readonly url: string }
  | { readonly type: 'metrics wanted'; readonly id: string }

/** What the primary answers; null when a process did not give its part in time. */
export type Answered = { readonly type: 'metrics'; readonly id: string; readonly text: string | null }

export function tellPrimary(told: Told): void {
  process.send?.(told)
}

/** Both ends are this program; prom-client's own messages share the channel and carry other types. */
export function heardFrom(worker: Worker, on: (told: Told) => void): void {
  worker.on('message', (message: Told) => on(message))
}

/**
 * The metrics of the installation's processes on this machine, added up by the primary; of this process alone
 * where it has no primary.
 * @throws when a process does not give its part
 */
export function metricsOfAll(own: Registry): Promise<string> {
  if (!cluster.isWorker) return own.metrics()
  const id = randomUUID()
  return new Promise((resolve, reject) => {
    const answered = (message: Answered): void => {
      if (message.type !== 'metrics' || message.id !== id) return
      process.off('message', answered)
      if (message.text === null) reject(new Error('a process of the api did not give its metrics'))
      else resolve(message.text)
    }
    process.on('message', answered)
    tellPrimary({ type: 'metrics wanted', id })
  })
}
