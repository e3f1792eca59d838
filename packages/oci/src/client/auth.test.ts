import { inspect } from 'node:util'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { basic, basicCredentials, openPair, type Pair } from '../testdata/client.ts'
import { storeImage } from '../testdata/image.ts'
import { coded, fail, type FakeRegistry } from '../testdata/registry.ts'

let fake: Pair['fake']
let other: Pair['other']
let open: Pair['open']
let close: Pair['close']

beforeEach(async () => {
  ;({ fake, other, open, close } = await openPair())
})
afterEach(() => close())

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
