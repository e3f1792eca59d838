import { assert, property, string } from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FeedError } from './errors.ts'
import { splitName, splitPath } from './path.ts'
import { matchRoute } from './route.ts'

const refusal = (code: string) => expect.objectContaining({ constructor: FeedError, code })

const thrown = (work: () => unknown): unknown => {
  try {
    return work()
  } catch (error) {
    return error
  }
}

const isPlain = (part: string) => /^[!-.0-~]*$/.test(part) && part !== '.' && part !== '..'
const isClearRefusal = (error: unknown) =>
  error instanceof FeedError && error.code === 'NAME_INVALID' && /^[\x20-\x7e…\ufffd]+$/.test(error.message)

describe('splitPath', () => {
  it.each([
    ['/v2', ['']],
    ['/v2/', ['']],
    ['/v2/dev/app/blobs/uploads/', ['dev', 'app', 'blobs', 'uploads', '']],
    ['/v2/dev/app/blobs/sha256%3Aab', ['dev', 'app', 'blobs', 'sha256:ab']],
  ])('%s', (path, parts) => {
    expect(splitPath(path)).toEqual(parts)
  })

  it.each([
    ['/v2/dev%2Fapp/tags/list'],
    ['/v2/dev/..%2F..%2Fetc/tags/list'],
    ['/v2/dev/%2f%2f../tags/list'],
    ['/v2/dev%5Capp/tags/list'],
    ['/v2/dev\\app/tags/list'],
    ['/v2/dev/../trusted/app/tags/list'],
    ['/v2/dev/./app/tags/list'],
    ['/v2/dev/%2e%2e/trusted/tags/list'],
    ['/v2/dev/%252e%252e/tags/list'],
    ['/v2/dev//app/tags/list'],
    ['/v2//dev/app/tags/list'],
    ['/v2/dev/a%00b/tags/list'],
    ['/v2/dev/a%0d%0ab/tags/list'],
    ['/v2/dev/%1b[31m/tags/list'],
    ['/v2/dev/%ff/tags/list'],
    ['/v2/dev/%e2%80%ae/tags/list'],
    ['/v2/dev/%/tags/list'],
    [`/v2/dev/${'a'.repeat(100_000)}/tags/list`],
    [`/v2/${'%2e/'.repeat(30_000)}`],
  ])('refuses %.60s', (path) => {
    expect(thrown(() => splitPath(path))).toEqual(refusal('NAME_INVALID'))
  })

  it.each([['/'], ['/v1/search'], ['/v2x/dev/app/tags/list'], ['/V2/']])('answers nothing at %s', (path) => {
    expect(thrown(() => splitPath(path))).toEqual(refusal('NAME_UNKNOWN'))
  })

  it('either splits or refuses, whatever comes, without echoing control characters', () => {
    assert(
      property(string({ unit: 'binary', maxLength: 200 }), (tail) => {
        const result = thrown(() => splitPath(`/v2/${tail}`))
        return Array.isArray(result) ? result.every(isPlain) : isClearRefusal(result)
      }),
    )
  })
})

describe('splitName', () => {
  it.each([
    ['dev/app', 'dev', 'app'],
    ['dev/a/b/c', 'dev', 'a/b/c'],
    ['my-feed/a__b/c.d', 'my-feed', 'a__b/c.d'],
  ])('%s', (name, feed, repository) => {
    expect(splitName(name)).toEqual({ feed, repository })
  })

  it.each([
    ['dev'],
    [''],
    ['dev/App'],
    ['dev/a..b'],
    ['dev/-a'],
    ['dev/a_'],
    ['dev/a:b'],
    [`dev/${'a'.repeat(252)}`],
    [`dev/${'a-'.repeat(50_000)}`],
  ])('refuses %.40s', (name) => {
    expect(thrown(() => splitName(name))).toEqual(refusal('NAME_INVALID'))
  })

  it('knows no feed that looks like a server', () => {
    expect(thrown(() => splitName('docker.io/library/alpine'))).toEqual(refusal('NAME_UNKNOWN'))
  })
})

describe('matchRoute', () => {
  it.each([
    ['GET', 'dev/app/tags/list', 'pull', 'dev/app', 'list'],
    ['HEAD', 'dev/app/manifests/1.0', 'pull', 'dev/app', '1.0'],
    ['PUT', 'dev/app/manifests/1.0', 'push', 'dev/app', '1.0'],
    ['DELETE', 'dev/app/manifests/1.0', 'delete', 'dev/app', '1.0'],
    ['GET', 'dev/app/referrers/sha256:ab', 'pull', 'dev/app', 'sha256:ab'],
    ['POST', 'dev/app/blobs/uploads/', 'push', 'dev/app', ''],
    ['POST', 'dev/app/blobs/uploads', 'push', 'dev/app', 'uploads'],
    ['GET', 'dev/app/blobs/uploads/u', 'push', 'dev/app', 'u'],
    ['PATCH', 'dev/app/blobs/uploads/u', 'push', 'dev/app', 'u'],
    ['DELETE', 'dev/app/blobs/uploads/u', 'push', 'dev/app', 'u'],
    ['DELETE', 'dev/app/blobs/sha256:ab', 'delete', 'dev/app', 'sha256:ab'],
    // Names may hold the words of the routes.
    ['GET', 'dev/blobs/uploads/manifests/1.0', 'pull', 'dev/blobs/uploads', '1.0'],
    ['GET', 'dev/tags/list/tags/list', 'pull', 'dev/tags/list', 'list'],
    ['GET', 'dev/manifests/manifests/manifests', 'pull', 'dev/manifests', 'manifests'],
  ])('%s %s', (method, path, verb, name, reference) => {
    const match = matchRoute(method, path.split('/'))
    expect([match.row.verb, match.name, match.reference]).toEqual([verb, name, reference])
  })

  it.each([
    ['POST', 'dev/app/manifests/1.0', 'GET, HEAD, PUT, DELETE'],
    ['PATCH', 'dev/app/blobs/sha256:ab', 'GET, HEAD, DELETE'],
    ['GET', 'dev/app/blobs/uploads/', 'POST'],
    ['BREW', 'dev/app/tags/list', 'GET, HEAD'],
  ])('%s %s is 405', (method, path, allow) => {
    const error = thrown(() => matchRoute(method, path.split('/')))
    expect(error).toEqual(refusal('UNSUPPORTED'))
    expect(error).toMatchObject({ status: 405, headers: { Allow: allow } })
  })

  it.each([['dev/app'], ['dev/app/other/x'], ['tags/list'], ['manifests/x'], ['dev/app/manifests/']])(
    '%s is no endpoint',
    (path) => {
      expect(thrown(() => matchRoute('GET', path.split('/')))).toEqual(refusal('NAME_UNKNOWN'))
    },
  )
})
