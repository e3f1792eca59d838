import { inspect } from 'node:util'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { OCI_INDEX, OCI_MANIFEST } from '../descriptor.ts'
import { digestOf } from '../digest.ts'
import { storeBlob, storeImage } from '../testdata/image.ts'
import { coded, fail, type FakeRegistry, fakeRegistry } from '../testdata/registry.ts'
import type { RegistryOptions } from './options.ts'
import { openRegistry, type Registry } from './registry.ts'

let fake: FakeRegistry
let other: FakeRegistry
const opened: Registry[] = []

beforeEach(async () => {
  fake = await fakeRegistry()
  other = await fakeRegistry()
})

afterEach(async () => {
  for (const registry of opened.splice(0)) registry.close()
  await Promise.all([fake.close(), other.close()])
})

const limits = { attempts: 3, firstBackoffMs: 1, longestBackoffMs: 2, headMs: 500 }

function open(more: Partial<RegistryOptions> = {}): Registry {
  const registry = openRegistry({ baseUrl: fake.url, plainHttp: 'loopback', limits, ...more })
  opened.push(registry)
  return registry
}

const basicCredentials = { type: 'basic', username: 'ci', password: 's3cret' } as const
const basic = `Basic ${Buffer.from('ci:s3cret').toString('base64')}`

/** Makes `fake` want a bearer token, given out by `realm`; answers the tokens' log. */
function bearerRealm(realm: FakeRegistry, { expiresIn = 300, header = '' } = {}) {
  const issued: string[] = []
  const asked: {
    url: string
    authorization: string | undefined
    method: string | undefined
    body: string
  }[] = []
  const dead = new Set<string>()
  const answer: FakeRegistry['intercept'] = (request, response) => {
    if (request.url?.startsWith('/token') !== true) return false
    const ask = {
      url: request.url,
      authorization: request.headers.authorization,
      method: request.method,
      body: '',
    }
    asked.push(ask)
    request.on('data', (part: Buffer) => (ask.body += part.toString()))
    request.on('end', () => {
      issued.push(`t${issued.length}`)
      response.end(JSON.stringify({ access_token: issued.at(-1), expires_in: expiresIn }))
    })
    return true
  }
  realm.intercept = answer
  const challenge =
    header || `Bearer realm="${realm.url}/token",service="reg",scope="repository:team/app:pull"`
  fake.intercept = (request, response) => {
    if (realm === fake && answer(request, response) === true) return true
    const token = request.headers.authorization?.replace('Bearer ', '') ?? ''
    if (issued.includes(token) && !dead.has(token)) return false
    return fail(response, 401, 'UNAUTHORIZED', { 'www-authenticate': challenge })
  }
  return { issued, asked, dead }
}

describe('authentication', () => {
  test('anonymous and Basic: nothing is shown before a challenge', async () => {
    await open().ping()
    fake.intercept = (request, response) =>
      request.headers.authorization !== basic &&
      fail(response, 401, 'UNAUTHORIZED', { 'www-authenticate': 'Basic realm="x"' })
    const registry = open({ credentials: basicCredentials })
    await registry.ping()
    await registry.ping()
    expect(fake.authorizations).toEqual([undefined, undefined, basic, basic])
    await expect(open().ping()).rejects.toEqual(coded('unauthorized'))
    const wrong = { ...basicCredentials, password: 'no' }
    await expect(open({ credentials: wrong }).ping()).rejects.toEqual(coded('unauthorized'))
  })

  test('Bearer: one token for all requests of a scope, side by side too', async () => {
    const { asked } = bearerRealm(fake)
    storeImage(fake, 'team/app', [], {}, 'v1')
    const repository = open({ credentials: basicCredentials }).repository('team/app')
    await Promise.all(Array.from({ length: 8 }, () => repository.resolve('v1')))
    await repository.resolve('v1')
    expect(asked).toHaveLength(1)
    expect(asked[0]).toMatchObject({ authorization: basic, method: 'GET' })
    expect(new URL(asked[0]?.url ?? '', fake.url).searchParams.get('scope')).toBe('repository:team/app:pull')
  })

  test('a token that ends in the middle is renewed once', async () => {
    const { asked, dead } = bearerRealm(fake)
    storeImage(fake, 'team/app', [], {}, 'v1')
    const repository = open().repository('team/app')
    await repository.resolve('v1')
    dead.add('t0')
    expect(await repository.resolve('v1')).not.toBeNull()
    expect(asked).toHaveLength(2)
    expect(asked[0]?.authorization).toBeUndefined()
    for (const n of [1, 2, 3, 4]) dead.add(`t${n}`)
    await expect(repository.resolve('v1')).rejects.toEqual(coded('unauthorized'))
    expect(asked).toHaveLength(3)
  })

  test('a refresh token goes to the realm as a form', async () => {
    const { asked } = bearerRealm(fake)
    await open({ credentials: { type: 'refresh', refreshToken: 'r/1' } }).ping()
    expect(asked).toMatchObject([{ method: 'POST', authorization: undefined }])
    const form = Object.fromEntries(new URLSearchParams(asked[0]?.body))
    expect(form).toMatchObject({ grant_type: 'refresh_token', refresh_token: 'r/1', service: 'reg' })
  })

  test('a challenge cannot widen the token', async () => {
    const wide =
      'repository:team/app:pull,push repository:secret/app:pull registry:catalog:* repository:mirror/team/app:pull'
    const { asked } = bearerRealm(fake, { header: `Bearer realm="${fake.url}/token",scope="${wide}"` })
    storeImage(fake, 'team/app', [], {}, 'v1')
    await open().repository('team/app').resolve('v1')
    const scopes = new URL(asked[0]?.url ?? '', fake.url).searchParams.getAll('scope')
    expect(scopes).toEqual(['repository:mirror/team/app:pull', 'repository:team/app:pull'])
  })

  test('a realm elsewhere gets nothing unless it is allowed', async () => {
    const { asked } = bearerRealm(other)
    await expect(open({ credentials: basicCredentials }).ping()).rejects.toEqual(coded('realm_refused'))
    await expect(open({ realmAllowList: ['http://127.0.0.1:1'] }).ping()).rejects.toEqual(
      coded('realm_refused'),
    )
    expect(other.log).toEqual([])
    await open({ credentials: basicCredentials, realmAllowList: [other.url] }).ping()
    expect(asked).toHaveLength(1)
  })

  test('a realm that redirects gets nothing more', async () => {
    fake.intercept = (request, response) => {
      if (request.url?.startsWith('/token')) {
        response.writeHead(307, { location: `${other.url}/token` }).end()
        return true
      }
      return fail(response, 401, 'UNAUTHORIZED', { 'www-authenticate': `Bearer realm="${fake.url}/token"` })
    }
    await expect(open({ credentials: basicCredentials }).ping()).rejects.toEqual(coded('realm_refused'))
    expect(other.log).toEqual([])
  })
})

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

describe('manifests', () => {
  test('are checked against the digest, whatever the headers say', async () => {
    const image = storeImage(fake, 'team/app', [])
    fake.manifests.set(`team/app ${image.digest}`, {
      type: OCI_MANIFEST,
      bytes: Buffer.from('{"schemaVersion":2}'),
    })
    await expect(open().repository('team/app').getManifest(image.digest)).rejects.toEqual(
      coded('wrong_digest'),
    )
  })

  test.each([true, false])(
    'of 4 MiB and a byte are refused before they are held; length given: %s',
    async (given) => {
      fake.intercept = (_, response) => {
        response.writeHead(200, given ? { 'content-length': 4 * 1024 * 1024 + 1 } : {})
        response.end(Buffer.alloc(4 * 1024 * 1024 + 1))
        return true
      }
      await expect(open().repository('team/app').getManifest('v1')).rejects.toEqual(coded('too_large'))
    },
  )

  test('a HEAD without a digest is asked again as GET', async () => {
    const image = storeImage(fake, 'team/app', [], {}, 'v1')
    fake.intercept = (request, response) => {
      if (request.method === 'HEAD') response.writeHead(200).end()
      return request.method === 'HEAD'
    }
    expect(await open().repository('team/app').resolve('v1')).toMatchObject({ digest: image.digest })
    expect(
      await open()
        .repository('team/app')
        .resolve('v2')
        .catch((e: unknown) => e),
    ).toBeNull()
  })

  test('are deleted once', async () => {
    const { digest } = storeImage(fake, 'team/app', [])
    const repository = open().repository('team/app')
    expect(await repository.deleteManifest(digest)).toBe(true)
    expect(await repository.deleteManifest(digest)).toBe(false)
  })
})

describe('tags', () => {
  const page =
    (link: string): FakeRegistry['intercept'] =>
    (request, response) => {
      const second = request.url?.includes('last=') === true
      response.writeHead(200, second ? {} : { link })
      response.end(JSON.stringify({ name: 'team/app', tags: second ? ['c'] : ['a', 'b'] }))
      return true
    }
  const all = async () => {
    const tags: string[] = []
    for await (const some of open().repository('team/app').listTags()) tags.push(...some)
    return tags
  }

  test('page by page', async () => {
    fake.intercept = page('</v2/team/app/tags/list?n=2&last=b>; rel="next"')
    expect(await all()).toEqual(['a', 'b', 'c'])
  })

  test.each(['http://evil.example/v2/x', '//evil.example/v2/x', '/metadata', '/v2/../admin'])(
    'no page at %s',
    async (target) => {
      fake.intercept = page(`<${target}>; rel="next"`)
      await expect(all()).rejects.toEqual(coded('bad_response'))
    },
  )

  test('that are no tags', async () => {
    fake.intercept = (_, response) => {
      response.end(JSON.stringify({ tags: ['ok', 'a\u001b[2J'] }))
      return true
    }
    await expect(all()).rejects.toEqual(coded('bad_response'))
  })
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

test.each([
  ['a token', `Bearer realm="/token"`, /not for Bearer \*\*\*"/],
  ['a pair', 'Basic realm="x"', /not for Basic \*\*\*, \*\*\*"/],
])(
  '%s that the registry was shown is in no message, also when it says it again',
  async (_, challenge, says) => {
    fake.intercept = (request, response) => {
      const { authorization = '' } = request.headers
      if (request.url?.startsWith('/token') === true) response.end('{"token":"a-very-secret-token"}')
      else if (authorization === '') fail(response, 401, 'UNAUTHORIZED', { 'www-authenticate': challenge })
      else {
        const also = authorization === basic ? `, ${basicCredentials.password}` : ''
        const errors = [{ code: 'DENIED', message: `not for ${authorization}${also}` }]
        response.writeHead(403).end(JSON.stringify({ errors }))
      }
      return true
    }
    await expect(open({ credentials: basicCredentials }).ping()).rejects.toThrow(says)
  },
)

test('a token server that answers with the bare token', async () => {
  fake.intercept = (request, response) => {
    if (request.url?.startsWith('/token') === true) response.end('very-secret-token')
    else fail(response, 401, 'UNAUTHORIZED', { 'www-authenticate': `Bearer realm="${fake.url}/token"` })
    return true
  }
  const error: unknown = await open()
    .ping()
    .catch((error: unknown) => error)
  expect(error).toEqual(coded('bad_response'))
  expect(inspect(error)).not.toContain('very-secret')
})

test('the fallback index is read where there is no API', async () => {
  fake.referrersApi = false
  const digest = `sha256:${'a'.repeat(64)}`
  const repository = open().repository('team/app')
  expect(await repository.referrers(digest)).toEqual([])
  const one = { mediaType: OCI_MANIFEST, digest: `sha256:${'b'.repeat(64)}`, size: 3 }
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, manifests: [one] }))
  fake.manifests.set(`team/app sha256-${'a'.repeat(64)}`, { type: OCI_INDEX, bytes })
  expect(await repository.referrers(digest)).toEqual([one])
})

test.each([
  [
    'an index',
    OCI_INDEX,
    { manifests: [{ mediaType: OCI_MANIFEST, digest: `sha256:${'b'.repeat(64)}`, size: 3 }] },
  ],
  [
    'an image',
    OCI_MANIFEST,
    { config: { mediaType: 'application/json', digest: `sha256:${'b'.repeat(64)}`, size: 3 }, layers: [] },
  ],
])(
  'a registry that takes the fallback tag for the digest of %s says nothing by that',
  async (_, type, fields) => {
    fake.referrersApi = false
    const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: type, ...fields }))
    const digest = digestOf(bytes)
    fake.manifests.set(`team/app ${digest.replace(':', '-')}`, { type, bytes })
    expect(await open().repository('team/app').referrers(digest)).toEqual([])
  },
)
