import { once } from 'node:events'
import fs from 'node:fs'
import http from 'node:http'
import https from 'node:https'
import path from 'node:path'
import type { Settings } from '@sluice/contract/environment'
import { openStorage } from '@sluice/feed/storage'
import type { Store } from '@sluice/store'
import type { Logger } from 'pino'
import { createListener } from './app.ts'
import { floodGate } from './flood.ts'
import { createMetrics } from './metrics.ts'
import { loadTokenKeys } from './registry/key.ts'
import { openWatch } from './watch.ts'

export type Service = {
  /** Where it was bound, or SLUICE_PUBLIC_URL. */
  readonly url: string
  /** Takes no more, lets open requests finish for `graceMs`, then ends them. */
  close(graceMs: number): Promise<void>
}

/** Serves an opened, seeded store as the settings say. @param secret of the installation */
export async function startService(
  store: Store,
  settings: Settings,
  secret: Uint8Array,
  log: Logger,
): Promise<Service> {
  const instance = (await store.instance())?.name ?? 'sluice'
  const { tokenKeyFile, dataDir, publicUrl, tlsCert, tlsKey } = settings
  const keys = loadTokenKeys(tokenKeyFile ?? path.join(dataDir, 'keys', 'token.pem'), {
    make: tokenKeyFile === undefined,
  })
  const storage = await openStorage(settings)
  const watch = await openWatch(store)
  const flood = floodGate(store.accounts.countUnauthenticated)
  const metrics = createMetrics()
  const services = { store, instance, keys, secret, storage, watch, flood, metrics, log, publicUrl }
  const listener = createListener(services, storage)
  const server =
    tlsCert !== undefined && tlsKey !== undefined
      ? https.createServer({ cert: fs.readFileSync(tlsCert), key: fs.readFileSync(tlsKey) }, listener)
      : http.createServer(listener)
  // A layer may take hours: what stalls is ended by the feed server, not by the clock.
  server.requestTimeout = 0
  server.keepAliveTimeout = 65_000
  server.listen({ host: settings.host, port: settings.port })
  try {
    await once(server, 'listening')
  } catch (error) {
    await watch.close()
    throw error
  }
  return {
    url: publicUrl ?? addressOf(server, tlsCert === undefined ? 'http' : 'https'),
    async close(graceMs) {
      const closed = once(server, 'close')
      server.close()
      await watch.close()
      server.closeIdleConnections()
      const timer = setTimeout(() => server.closeAllConnections(), graceMs)
      await closed
      clearTimeout(timer)
    },
  }
}

function addressOf(server: http.Server, scheme: string): string {
  const bound = server.address()
  if (bound === null || typeof bound === 'string') throw new Error('the server has no port')
  const { address, port, family } = bound
  const host =
    address === '0.0.0.0' || address === '::' ? '127.0.0.1' : family === 'IPv6' ? `[${address}]` : address
  return `${scheme}://${host}:${port}`
}
