import { OciError, quote } from '../errors.ts'
import { isRepositoryName } from '../grammar.ts'
import { drop } from './answer.ts'
import { RegistryError } from './errors.ts'
import type { ClientLimits, RegistryOptions } from './options.ts'
import { Repository } from './repository.ts'
import { Session } from './session.ts'

/** Blobs of which this process knows a repository; the oldest is forgotten first. */
const REMEMBERED = 20_000

/** A registry that can be spoken to. Keep one per feed: connections, tokens and what was learned are in it. */
export interface Registry {
  /** Host and port, for messages. */
  readonly host: string
  readonly origin: string
  readonly limits: ClientLimits
  /** That the registry is there and takes the credentials. Distribution specification, "Determining Support". */
  ping(signal?: AbortSignal): Promise<void>
  /** @throws OciError NAME_INVALID */
  repository(name: string, access?: 'pull' | 'pull,push'): Repository
  /** Runs `act` after all others of this registry with the same key. */
  alone<T>(key: string, act: () => Promise<T>, signal?: AbortSignal): Promise<T>
  /** A repository here that had this blob a while ago: worth a mount, not more. */
  whereIs(digest: string): string | undefined
  noteBlob(digest: string, repository: string): void
  forgetBlob(digest: string): void
  /** Ends idle and running connections. */
  close(): void
}

/**
 * Opens one registry over the Distribution protocol. Nothing is sent yet.
 * @throws RegistryError settings_invalid, plain_http_refused, address_refused
 */
export function openRegistry(options: RegistryOptions): Registry {
  const session = new Session(options)
  const queues = new Map<string, Promise<void>>()
  const blobs = new Map<string, string>()
  const registry: Registry = {
    host: session.host,
    limits: session.limits,
    origin: session.territory.origin,
    async ping(signal) {
      const what = 'the API of the registry'
      drop(await session.call({ method: 'GET', url: '/v2/', scopes: [], expect: [200], what, signal }))
    },
    repository(name, access = 'pull') {
      if (isRepositoryName(name)) return new Repository(registry, session, name, access)
      throw new OciError('NAME_INVALID', `${quote(name)} is not a repository name`)
    },
    async alone(key, act, signal) {
      const before = queues.get(key)
      let finished = (): void => undefined
      const own = new Promise<void>((resolve) => {
        finished = resolve
      })
      const turn = (before ?? Promise.resolve()).then(() => own)
      queues.set(key, turn)
      try {
        if (before !== undefined) await patiently(before, signal)
        return await act()
      } finally {
        finished()
        if (queues.get(key) === turn) queues.delete(key)
      }
    },
    whereIs: (digest) => blobs.get(digest),
    noteBlob(digest, repository) {
      blobs.delete(digest)
      blobs.set(digest, repository)
      const oldest = blobs.size > REMEMBERED ? blobs.keys().next() : undefined
      if (oldest?.value !== undefined) blobs.delete(oldest.value)
    },
    forgetBlob: (digest) => void blobs.delete(digest),
    close: () => session.close(),
  }
  return registry
}

/** Waits for a turn, unless cancelled meanwhile. */
function patiently(turn: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(new RegistryError('cancelled', 'cancelled', { cause: signal?.reason }))
    signal?.addEventListener('abort', stop, { once: true })
    if (signal?.aborted === true) stop()
    void turn.then(() => {
      signal?.removeEventListener('abort', stop)
      resolve()
    })
  })
}
