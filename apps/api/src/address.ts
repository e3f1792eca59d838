import type { IncomingMessage } from 'node:http'
import { isIP, isIPv4 } from 'node:net'

/**
 * Where a request came from, for counting: an IPv4 address, or the /64 network of an IPv6 one, whose holder has
 * all of it. The peer of the connection; behind a proxy, which SLUICE_PUBLIC_URL and a near peer tell of, what that
 * proxy has written last into X-Forwarded-For.
 */
export function addressOf(req: Pick<IncomingMessage, 'socket' | 'headers'>, behindProxy: boolean): string {
  const peer = plain(req.socket.remoteAddress ?? '')
  if (!behindProxy || !isNear(peer)) return networkOf(peer)
  const written = [req.headers['x-forwarded-for'] ?? []].flat().join(',').split(',').at(-1) ?? ''
  const client = plain(written.trim())
  return networkOf(isIP(client) === 0 ? peer : client)
}

/** Without the form that IPv4 addresses have on a socket for both, and without a zone. */
function plain(address: string): string {
  const bare = address.split('%')[0] ?? ''
  return /^::ffff:\d+\.\d+\.\d+\.\d+$/i.test(bare) ? bare.slice('::ffff:'.length) : bare
}

/** Loopback and private networks: RFC 1918, RFC 4193, RFC 4291. */
function isNear(address: string): boolean {
  if (isIPv4(address)) return /^(127|10|192\.168|172\.(1[6-9]|2\d|3[01]))\./.test(address)
  return address === '::1' || /^f[cde]/i.test(address)
}

function networkOf(address: string): string {
  if (isIP(address) !== 6) return address === '' ? 'unknown' : address
  const [head = '', tail] = address.toLowerCase().split('::')
  const parts = head === '' ? [] : head.split(':')
  const rest = tail === undefined || tail === '' ? [] : tail.split(':')
  const whole = [...parts, ...Array<string>(Math.max(8 - parts.length - rest.length, 0)).fill('0'), ...rest]
  return `${whole
    .slice(0, 4)
    .map((part) => part.replace(/^0+(?=.)/, ''))
    .join(':')}::/64`
}
