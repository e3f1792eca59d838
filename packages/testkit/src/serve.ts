import { once } from 'node:events'
import type { Server } from 'node:net'

/** Has a server listen on a port of its own of 127.0.0.1, and answers its address. */
export async function listen(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server has no port')
  return `http://127.0.0.1:${address.port}`
}

/** Ends a server, with whatever connections it has by `disconnect`. */
export async function close(server: Server, disconnect: () => void): Promise<void> {
  const closed = once(server, 'close')
  disconnect()
  server.close()
  await closed
}
