import { once } from 'node:events'
import http from 'node:http'
import net from 'node:net'
import { expect, test } from 'vitest'
import { endIfSlow } from './body.ts'

async function served(sent: string): Promise<string> {
  const server = http.createServer((req, res) => {
    endIfSlow(req, 0, 100)
    req.on('end', () => res.end('whole')).resume()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = address !== null && typeof address === 'object' ? address.port : 0
  const socket = net.connect(port, '127.0.0.1')
  socket.write(`POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 4\r\n\r\n${sent}`)
  let answer = ''
  socket.on('data', (chunk: Buffer) => (answer += chunk.toString()))
  await once(socket, 'close')
  server.close()
  return answer
}

test('a body that does not come whole in time loses its connection; another is served', async () => {
  expect(await served('abcd')).toMatch(/^HTTP\/1\.1 200 /)
  expect(await served('ab')).toBe('')
})
