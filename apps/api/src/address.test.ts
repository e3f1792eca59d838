// oxlint-disable typescript/no-unsafe-type-assertion -- all that is looked at of a request
import type { IncomingMessage } from 'node:http'
import { expect, test } from 'vitest'
import { addressOf } from './address.ts'

const from = (remoteAddress: string, forwarded?: string | string[]) =>
  ({
    socket: { remoteAddress },
    headers: forwarded === undefined ? {} : { 'x-forwarded-for': forwarded },
  }) as unknown as IncomingMessage

test.each([
  ['192.0.2.7', undefined, false, '192.0.2.7'],
  ['::ffff:192.0.2.7', undefined, false, '192.0.2.7'],
  ['2001:db8:1:2:3:4:5:6', undefined, false, '2001:db8:1:2::/64'],
  ['2001:0db8::6', undefined, false, '2001:db8:0:0::/64'],
  ['fe80::1%eth0', undefined, false, 'fe80:0:0:0::/64'],
  ['::1', undefined, false, '0:0:0:0::/64'],
  // Nobody says where it came from but the peer, unless there is a proxy near by.
  ['127.0.0.1', '198.51.100.1', false, '127.0.0.1'],
  ['192.0.2.7', '198.51.100.1', true, '192.0.2.7'],
  ['127.0.0.1', '198.51.100.1', true, '198.51.100.1'],
  ['::ffff:10.1.2.3', '203.0.113.9, 198.51.100.1', true, '198.51.100.1'],
  ['172.16.0.1', ['203.0.113.9', '2001:db8:1:2::9'], true, '2001:db8:1:2::/64'],
  ['172.32.0.1', '198.51.100.1', true, '172.32.0.1'],
  ['127.0.0.1', 'unknown', true, '127.0.0.1'],
  ['127.0.0.1', '', true, '127.0.0.1'],
])('%s with %j behind a proxy %s is %s', (peer, forwarded, behindProxy, address) => {
  expect(addressOf(from(peer, forwarded), behindProxy)).toBe(address)
})
