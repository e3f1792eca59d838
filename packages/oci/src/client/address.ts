import { type LookupAddress, type LookupAllOptions, lookup as systemLookup } from 'node:dns'
import { BlockList, isIP, type LookupFunction } from 'node:net'
import { RegistryError } from './errors.ts'

/** How far into the private world a host may resolve. */
export type Reach = 'public' | 'loopback' | 'private'

/** `dns.lookup`, asked for all addresses. */
export type Lookup = (
  name: string,
  options: LookupAllOptions,
  done: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void

const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8)
loopback.addAddress('::1', 'ipv6')

const privateUse = new BlockList()
privateUse.addSubnet('10.0.0.0', 8)
privateUse.addSubnet('172.16.0.0', 12)
privateUse.addSubnet('192.168.0.0', 16)
privateUse.addSubnet('100.64.0.0', 10)
privateUse.addSubnet('fc00::', 7, 'ipv6')

// Never a registry: link-local (cloud metadata lives there), this network, multicast, reserved,
// documentation, and the IPv6 forms that carry an IPv4 address to somewhere else.
const never = new BlockList()
for (const [net, bits] of [
  ['0.0.0.0', 8],
  ['169.254.0.0', 16],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
] as const) {
  never.addSubnet(net, bits)
}
never.addAddress('168.63.129.16')
for (const [net, bits] of [
  ['::', 128],
  ['64:ff9b::', 96],
  ['64:ff9b:1::', 48],
  ['100::', 64],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['fe80::', 10],
  ['fec0::', 10],
  ['ff00::', 8],
] as const) {
  never.addSubnet(net, bits, 'ipv6')
}
never.addAddress('fd00:ec2::254', 'ipv6')

/**
 * Whether an address may be spoken to. Link-local and metadata addresses never may; private ones
 * only where the host was allowed by name.
 */
export function isReachable(address: string, reach: Reach): boolean {
  const plain = unmapped(address)
  const family = isIP(plain) === 6 ? 'ipv6' : 'ipv4'
  if (isIP(plain) === 0 || never.check(plain, family)) return false
  if (loopback.check(plain, family)) return reach !== 'public'
  return reach === 'private' || !privateUse.check(plain, family)
}

/** `::ffff:127.0.0.1`, in either spelling, is 127.0.0.1; so is the obsolete `::127.0.0.1`. */
function unmapped(address: string): string {
  if (isIP(address) !== 6 || address.includes('%')) return address
  const canonical = new URL(`http://[${address}]`).hostname.slice(1, -1)
  const [, high, low] = /^::(?:ffff:)?([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(canonical) ?? []
  if (high === undefined || low === undefined) return canonical
  const [a, b] = [Number.parseInt(high, 16), Number.parseInt(low, 16)]
  return [a >> 8, a & 255, b >> 8, b & 255].join('.')
}

export function isLoopbackHost(host: string): boolean {
  if (host === 'localhost') return true
  const plain = unmapped(host)
  return isIP(plain) !== 0 && loopback.check(plain, isIP(plain) === 6 ? 'ipv6' : 'ipv4')
}

/**
 * A look-up for `net.connect` that hands on no address but a permitted one. The connection is made to
 * exactly what was checked, so a name that answers differently the next time gains nothing.
 */
export function guardedLookup(reach: Reach, resolve: Lookup = systemLookup): LookupFunction {
  return (hostname, options, callback) => {
    resolve(hostname, { ...options, all: true }, (error, addresses) => {
      if (error) return callback(error, [])
      const bad = addresses.find(({ address }) => !isReachable(address, reach))
      const first = addresses[0]
      if (bad !== undefined || first === undefined)
        return callback(addressRefused(hostname, bad?.address), [])
      if (options.all === true) callback(null, addresses)
      else callback(null, first.address, first.family)
    })
  }
}

export function addressRefused(host: string, address = host): RegistryError {
  const via = address === host ? '' : ` resolves to ${address}, which`
  return new RegistryError(
    'address_refused',
    `${host}${via} is a private or reserved address; if this registry really is inside your network, allow its host by name for this feed`,
  )
}
