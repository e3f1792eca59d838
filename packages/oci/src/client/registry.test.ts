import { afterEach, beforeEach, expect, test } from 'vitest'
import { basic, basicCredentials, limits, openPair, type Pair } from '../testdata/client.ts'
import { storeBlob } from '../testdata/image.ts'
import { coded, fail } from '../testdata/registry.ts'
import type { RegistryOptions } from './options.ts'
import { openRegistry } from './registry.ts'

let fake: Pair['fake']
let other: Pair['other']
let open: Pair['open']
let close: Pair['close']

beforeEach(async () => {
  ;({ fake, other, open, close } = await openPair())
})
afterEach(() => close())

test('redirects of a blob are followed without credentials', async () => {
  const blob = storeBlob(other, 'team/app', Buffer.from('content'))
  fake.intercept = (request, response) => {
    if (request.headers.authorization !== basic) {
      return fail(response, 401, 'UNAUTHORIZED', { 'www-authenticate': 'Basic realm="x"' })
    }
    response.writeHead(307, { location: `${other.url}${request.url}` }).end()
    return true
  }
  const repository = open({ credentials: basicCredentials }).repository('team/app')
  const parts: Buffer[] = []
  for await (const part of await repository.getBlob(blob)) if (Buffer.isBuffer(part)) parts.push(part)
  expect(Buffer.concat(parts).toString()).toBe('content')
  expect(other.authorizations).toEqual([undefined])
})

test.each([
  ['to a metadata address', 'http://169.254.169.254/latest/meta-data', 'plain_http_refused'],
  ['to a metadata address with TLS', 'https://169.254.169.254/latest', 'address_refused'],
  ['to a private address', 'https://10.0.0.1/blob', 'address_refused'],
  ['to a mapped address', 'https://[::ffff:10.0.0.1]/blob', 'address_refused'],
  ['to a file', 'file:///etc/passwd', 'bad_response'],
] as const)('a redirect %s is refused', async (_, location, code) => {
  fake.intercept = (_request, response) => {
    response.writeHead(302, { location }).end()
    return true
  }
  const digest = `sha256:${'0'.repeat(64)}`
  await expect(open().repository('team/app').headBlob(digest)).rejects.toEqual(coded(code))
})

test('redirects without end', async () => {
  fake.intercept = (request, response) => {
    response.writeHead(302, { location: request.url }).end()
    return true
  }
  await expect(open().ping()).rejects.toEqual(coded('redirect_refused'))
})

test.each([
  ['not a URL', 'registry', {}, 'settings_invalid'],
  ['a path', 'https://registry.example/v2', {}, 'settings_invalid'],
  ['a password inside', 'https://a:b@registry.example', {}, 'settings_invalid'],
  ['plain http', 'http://registry.example', {}, 'plain_http_refused'],
  [
    'plain http where only loopback may',
    'http://10.0.0.1:5000',
    { plainHttp: 'loopback' },
    'plain_http_refused',
  ],
  ['loopback with TLS, not allowed', 'https://127.0.0.1', {}, 'address_refused'],
  ['link-local, even by name', 'https://169.254.1.1', { privateHosts: ['169.254.1.1'] }, 'address_refused'],
] as const)('%s is refused before anything is sent', (_, baseUrl, more, code) => {
  expect(() => openRegistry({ baseUrl, ...more })).toThrow(coded(code))
})

test('a name is refused by the address it has when connected, and cannot change it after', async () => {
  const answers = ['127.0.0.1', '10.1.2.3', '169.254.169.254']
  const lookup: NonNullable<RegistryOptions['lookup']> = (_name, _options, done) =>
    done(null, [{ address: answers.shift() ?? '', family: 4 }])
  const port = new URL(fake.url).port
  const options = {
    baseUrl: `http://registry.test:${port}`,
    plainHttp: ['registry.test'],
    limits: { ...limits, attempts: 1 },
  }
  const registry = openRegistry({ ...options, lookup })
  await registry.ping()
  registry.close()
  const strict = openRegistry({
    baseUrl: 'https://registry.test',
    limits: { ...limits, attempts: 1 },
    lookup,
  })
  await expect(strict.ping()).rejects.toEqual(coded('address_refused'))
  await expect(strict.ping()).rejects.toEqual(coded('address_refused'))
  strict.close()
})

test('a name that does not resolve', async () => {
  const registry = openRegistry({
    baseUrl: 'https://no-such-registry.invalid',
    limits: { ...limits, attempts: 1 },
  })
  await expect(registry.ping()).rejects.toEqual(coded('dns'))
  registry.close()
})

test('TLS to something that speaks none', async () => {
  const baseUrl = fake.url.replace('http:', 'https:')
  await expect(open({ baseUrl, privateHosts: ['127.0.0.1'] }).ping()).rejects.toEqual(coded('tls'))
})

test('a pause that one request is asked for holds for its neighbours', async () => {
  let refusals = 1
  fake.intercept = (_, response) =>
    refusals-- > 0 && fail(response, 429, 'TOOMANYREQUESTS', { 'retry-after': '1' })
  const registry = open()
  const began = performance.now()
  await registry.ping()
  expect(performance.now() - began).toBeGreaterThan(900)
})

test('a registry that does not answer', async () => {
  fake.intercept = () => true
  await expect(open({ limits: { ...limits, headMs: 50 } }).ping()).rejects.toEqual(coded('timeout'))
})

test('what a registry says reaches a message in printable ASCII only', async () => {
  fake.intercept = (_, response) => {
    response.writeHead(400).end(JSON.stringify({ errors: [{ code: 'X', message: '\u001b[31m\r\nroot' }] }))
    return true
  }
  await expect(open().ping()).rejects.toThrow(/^[\x20-\x7e]+$/)
})
