import type { IncomingMessage } from 'node:http'

/**
 * Where this service is reached, as `https://host:port`: the configured address, else the one this request
 * came to. Headers of proxies are not believed; behind one, SLUICE_PUBLIC_URL says it.
 */
export function originOf(req: IncomingMessage, publicUrl: string | undefined): string {
  if (publicUrl !== undefined) return publicUrl
  const scheme = 'encrypted' in req.socket ? 'https' : 'http'
  const { host } = req.headers
  if (host !== undefined && /^[A-Za-z0-9.:[\]_-]{1,255}$/.test(host)) return `${scheme}://${host}`
  const { localAddress = '127.0.0.1', localPort, localFamily } = req.socket
  return `${scheme}://${localFamily === 'IPv6' ? `[${localAddress}]` : localAddress}:${localPort}`
}
