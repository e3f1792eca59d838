import { expect, test } from 'vitest'
import { isReachable } from './address.ts'

test.each([
  ['93.184.216.34', true, true],
  ['2606:4700::1111', true, true],
  ['127.0.0.1', false, true],
  ['::1', false, true],
  ['::ffff:127.0.0.1', false, true],
  ['::ffff:7f00:1', false, true],
  ['::ffff:169.254.169.254', false, false],
  ['10.0.0.1', false, true],
  ['172.31.255.255', false, true],
  ['172.32.0.1', true, true],
  ['192.168.1.1', false, true],
  ['100.64.0.1', false, true],
  ['fd00::1', false, true],
  ['169.254.169.254', false, false],
  ['fd00:ec2::254', false, false],
  ['fe80::1', false, false],
  ['0.0.0.0', false, false],
  ['::', false, false],
  ['224.0.0.1', false, false],
  ['255.255.255.255', false, false],
  ['64:ff9b::a00:1', false, false],
  ['2002:7f00:1::', false, false],
  ['not an address', false, false],
])('%s: public %s, when private is allowed %s', (address, asPublic, asPrivate) => {
  expect(isReachable(address, 'public')).toBe(asPublic)
  expect(isReachable(address, 'private')).toBe(asPrivate)
})
