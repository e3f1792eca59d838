import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { OciError } from './errors.ts'
import { parseFeedQualified, parseImageReference } from './reference.ts'

const digest = `sha256:${'0'.repeat(64)}`
const feedNames = ['dev', 'old-dev']

test.each([
  ['team/app:1.4.2', 'team/app', '1.4.2', null, null],
  [`team/app@${digest}`, 'team/app', null, digest, null],
  [`team/app:1.4.2@${digest}`, 'team/app', '1.4.2', digest, null],
  ['app:1', 'app', '1', null, null],
  ['dev/x:1', 'dev/x', '1', null, null], // bare: no feed is taken off
  ['localhost:5000/dev/x:1', 'x', '1', null, 'localhost:5000'],
  ['localhost/dev/x:1', 'x', '1', null, 'localhost'],
  ['registry.example/old-dev/team/x:1', 'team/x', '1', null, 'registry.example'],
  [`Registry.Example:443/dev/x@${digest}`, 'x', null, digest, 'Registry.Example:443'],
  ['[::1]:8080/dev/x:1', 'x', '1', null, '[::1]:8080'],
])('image %s', (text, repository, tag, expected, server) => {
  expect(parseImageReference(text, { feedNames })).toEqual({ repository, tag, digest: expected, server })
})

test.each([
  ['', 'REFERENCE_INVALID'],
  ['app', 'REFERENCE_INVALID'], // no tag is assumed
  ['registry.example/dev/app', 'REFERENCE_INVALID'],
  ['https://registry.example/dev/app:1', 'REFERENCE_INVALID'],
  ['registry.example/other/app:1', 'FEED_MISMATCH'],
  [`localhost/trusted/team/app@${digest}`, 'FEED_MISMATCH'],
  ['registry.example/other/app', 'REFERENCE_INVALID'],
  ['registry.example/other/App:1', 'NAME_INVALID'],
  ['registry.example/Other/app:1', 'REFERENCE_INVALID'],
  ['registry.example/app:1', 'REFERENCE_INVALID'],
  ['team.io/app:1', 'REFERENCE_INVALID'],
  ['app:1/x:2', 'REFERENCE_INVALID'],
  ['user@host/dev/app:1', 'DIGEST_INVALID'],
  ['.:99999999/dev/app:1', 'REFERENCE_INVALID'],
  ['registry.example/dev:1', 'NAME_INVALID'],
  ['registry.example/dev/:1', 'NAME_INVALID'],
  ['Registry/dev/app:1', 'NAME_INVALID'],
  ['/app:1', 'NAME_INVALID'],
  [':1', 'NAME_INVALID'],
  ['../dev/app:1', 'REFERENCE_INVALID'],
  ['app:', 'TAG_INVALID'],
  ['app:a b', 'TAG_INVALID'],
  ['app:1:2', 'TAG_INVALID'],
  ['team/app:1/x', 'TAG_INVALID'],
  ['app@', 'DIGEST_INVALID'],
  [`app@${digest}@${digest}`, 'DIGEST_INVALID'],
  ['app@md5:00', 'DIGEST_UNSUPPORTED'],
  [`${'a/'.repeat(50_000)}a:1`, 'REFERENCE_INVALID'],
])('image %j is refused with %s', (text, code) => {
  expect(() => parseImageReference(text, { feedNames })).toThrow(expect.objectContaining({ code }))
})

test('a refusal says what a server is where one was taken or meant', () => {
  for (const text of ['team.io/app:1', 'Registry/dev/app:1']) {
    expect(() => parseImageReference(text, { feedNames })).toThrow(/"localhost"/)
  }
})

test('a refusal repeats foreign text in printable ASCII', () => {
  expect(() => parseImageReference('a\u001b[2J\r\n\u202eb:1', { feedNames })).toThrow(/^[\x20-\x7e]+$/)
})

test.each([
  ['dev/app', null, 'dev', 'app', null, null],
  ['dev/team/app:1', null, 'dev', 'team/app', '1', null],
  [`host:8080/dev/team/app:1@${digest}`, 'host:8080', 'dev', 'team/app', '1', digest],
  [`127.0.0.1/dev/app@${digest}`, '127.0.0.1', 'dev', 'app', null, digest],
])('feed-qualified %s', (text, server, feed, repository, tag, expected) => {
  expect(parseFeedQualified(text)).toEqual({ server, feed, repository, tag, digest: expected })
})

test.each([
  ['dev', 'REFERENCE_INVALID'],
  ['dev:1', 'REFERENCE_INVALID'],
  ['host.example/dev', 'REFERENCE_INVALID'],
  ['Dev/app', 'NAME_INVALID'],
  ['dev/', 'NAME_INVALID'],
  ['dev/App', 'NAME_INVALID'],
  [`${'a'.repeat(64)}/app`, 'NAME_INVALID'],
  [`dev/${'a'.repeat(252)}`, 'NAME_INVALID'],
  ['host.example/other.example/app', 'NAME_INVALID'],
])('feed-qualified %j is refused with %s', (text, code) => {
  expect(() => parseFeedQualified(text)).toThrow(expect.objectContaining({ code }))
})

test('any text is read or refused with the own error', () => {
  const near = fc.string({ unit: fc.constantFrom(...Array.from('ab0A._-/:@[]sh256')), maxLength: 40 })
  const outcome = (parse: () => unknown) => {
    try {
      return parse()
    } catch (error) {
      return error
    }
  }
  const expected = expect.toSatisfy((result) => result instanceof OciError || 'repository' in result)
  fc.assert(
    fc.property(fc.oneof(near, fc.string()), (text) => {
      expect(outcome(() => parseFeedQualified(text))).toEqual(expected)
      expect(outcome(() => parseImageReference(text, { feedNames }))).toEqual(expected)
    }),
  )
})

test('what is read is what was written', () => {
  const part = fc.stringMatching(/^[a-z0-9]{1,8}$/).filter((text) => text !== 'localhost')
  fc.assert(
    fc.property(part, fc.array(part, { minLength: 1, maxLength: 4 }), part, (feed, parts, tag) => {
      const repository = parts.join('/')
      const expected = { repository, tag, digest, server: 'r.example' }
      const text = `r.example/${feed}/${repository}:${tag}@${digest}`
      expect(parseImageReference(text, { feedNames: [feed] })).toEqual(expected)
      expect(parseFeedQualified(text)).toEqual({ ...expected, feed })
    }),
  )
})
