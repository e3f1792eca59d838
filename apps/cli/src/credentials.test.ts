import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { beforeEach, expect, test } from 'vitest'
import { findServer, keepToken, toOrigin } from './credentials.ts'

const signedIn = { username: 'ada', token: 'one', expiresAt: '2030-01-01T00:00:00.000Z' }
let env: Record<string, string>
beforeEach(() => {
  env = { XDG_CONFIG_HOME: fs.mkdtempSync(path.join(os.tmpdir(), 'sluice-cli-')) }
})

test('a token is kept for its user alone, also over a file that was open to all', () => {
  const file = keepToken(env, { url: 'http://a', ...signedIn })
  expect(fs.statSync(file).mode & 0o777).toBe(0o600)
  fs.chmodSync(file, 0o644)
  keepToken(env, { url: 'http://b', ...signedIn, token: 'two' })
  expect(fs.statSync(file).mode & 0o777).toBe(0o600)
  expect(fs.readdirSync(path.dirname(file))).toEqual(['config.json'])
})

test('the last sign-in is spoken to; a token goes to its own server only', () => {
  keepToken(env, { url: 'http://a', ...signedIn })
  keepToken(env, { url: 'http://b', ...signedIn, token: 'two' })
  expect(findServer(undefined, env)).toEqual({ url: 'http://b', token: 'two' })
  expect(findServer('http://a/', env)).toEqual({ url: 'http://a', token: 'one' })
  expect(findServer('http://c', env)).toEqual({ url: 'http://c', token: undefined })
  expect(findServer(undefined, { ...env, SLUICE_URL: 'http://a' })).toEqual({ url: 'http://a', token: 'one' })
  expect(findServer(undefined, { ...env, SLUICE_TOKEN: 'ci' })).toEqual({ url: 'http://b', token: 'ci' })
})

test('without any address, and with a damaged file, it says so', () => {
  expect(() => findServer(undefined, env)).toThrow(expect.objectContaining({ code: 'not_signed_in' }))
  fs.writeFileSync(keepToken(env, { url: 'http://a', ...signedIn }), '{"servers":[1]}')
  expect(() => findServer(undefined, env)).toThrow(expect.objectContaining({ code: 'failed' }))
})

test.each(['', 'host', 'host:80', 'ftp://h', 'http://h/x', 'http://h?x', 'http://h#x', 'http://u@h'])(
  '"%s" is no address',
  (text) => {
    expect(() => toOrigin(text)).toThrow(expect.objectContaining({ name: 'CliError', code: 'usage' }))
  },
)
