import http from 'node:http'
import { connect, type Socket } from 'node:net'
import { close, listen } from './serve.ts'

export interface ConnectProxy {
  readonly url: string
  /** `HOST:PORT` of every tunnel that was asked for. */
  readonly asked: string[]
  close(): Promise<void>
}

/** An HTTP proxy that knows where these `HOST:PORT` are, and nothing else. RFC 9110, section 9.3.6. */
export async function startConnectProxy(known: Readonly<Record<string, number>>): Promise<ConnectProxy> {
  const asked: string[] = []
  const server = http.createServer((_, response) => response.writeHead(405).end())
  server.on('connect', (request, client) => {
    const authority = request.url ?? ''
    asked.push(authority)
    client.on('error', () => client.destroy())
    const port = known[authority]
    if (port === undefined) return client.end('HTTP/1.1 502 Bad Gateway\r\n\r\n')
    const there = connect(port, '127.0.0.1', () => {
      client.write('HTTP/1.1 200 OK\r\n\r\n')
      client.pipe(there).pipe(client)
    })
    there.on('error', () => client.destroy())
    client.once('close', () => there.destroy())
    return client
  })
  // A tunnel is no connection of the HTTP server any more.
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  const url = await listen(server)
  return {
    url,
    asked,
    close: () => close(server, () => sockets.forEach((socket) => socket.destroy())),
  }
}
