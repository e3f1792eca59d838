// node load.mjs, a job as JSON on stdin: keep-alive connections that each ask again as soon as they have
// their answer. Bare sockets, so that the asking costs little beside the answering; and HEAD, which wrk cannot.
import net from 'node:net'
import { text } from 'node:stream/consumers'

const { host, port, method, paths, authorization, connections, seconds } = JSON.parse(
  await text(process.stdin),
)
const accept = 'application/vnd.oci.image.manifest.v1+json'
const requests = paths.map((path) =>
  Buffer.from(
    [
      `${method} ${path} HTTP/1.1`,
      `Host: ${host}:${port}`,
      `Accept: ${accept}`,
      ...(authorization === undefined ? [] : [`Authorization: ${authorization}`]),
      '\r\n',
    ].join('\r\n'),
  ),
)
/** Milliseconds. */
const WARM_UP = 300
const begun = performance.now()
const end = begun + WARM_UP + seconds * 1000
const times = []
let next = 0

function ask() {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ host, port, noDelay: true })
    let sent = 0
    let seen = []
    const send = () => {
      sent = performance.now()
      socket.write(requests[next++ % requests.length])
    }
    socket.once('connect', send)
    socket.once('error', reject)
    socket.once('close', resolve)
    socket.on('data', (chunk) => {
      seen.push(chunk)
      const bytes = seen.length === 1 ? chunk : Buffer.concat(seen)
      const head = bytes.indexOf('\r\n\r\n')
      if (head < 0) return
      const lines = bytes.latin1Slice(0, head)
      if (!lines.startsWith('HTTP/1.1 200')) return reject(new Error(lines))
      const length = method === 'HEAD' ? 0 : Number(/content-length: (\d+)/i.exec(lines)?.[1])
      if (bytes.length < head + 4 + length) return
      seen = []
      const now = performance.now()
      if (sent >= begun + WARM_UP) times.push(now - sent)
      if (now < end) send()
      else socket.destroy()
    })
  })
}

await Promise.all(Array.from({ length: connections }, ask))
times.sort((a, b) => a - b)
const at = (share) => times[Math.floor(share * (times.length - 1))]
process.stdout.write(JSON.stringify({ rate: times.length / seconds, p50: at(0.5), p99: at(0.99) }))
