import type { Remote } from '@sluice/contract'
import { expect, test } from 'vitest'
import { diff } from './diff.ts'
import { readDocument } from './document.ts'
import { withoutMarks, withoutSecrets, withSecrets } from './remote.ts'

const file = (remote: string) =>
  readDocument(`feeds: [{name: far, kind: remote, stage: prod, remote: ${remote}}]`, 'f').feeds?.[0]?.remote

const basic = `{url: "https://r.example", credentials: {type: basic, username: ci, passwordEnv: FAR}}`

test('a secret is named in the file and taken from the environment', () => {
  const remote = file(basic)
  if (remote === undefined) throw new Error('it is there')
  expect(withSecrets('far', remote, { FAR: 's3cret' })).toEqual({
    url: 'https://r.example',
    credentials: { type: 'basic', username: 'ci', password: 's3cret' },
  })
  expect(JSON.stringify(withoutSecrets(remote))).not.toContain('FAR')
  for (const env of [{}, { FAR: '' }]) {
    expect(() => withSecrets('far', remote, env)).toThrow(
      expect.objectContaining({ code: 'usage', message: expect.stringContaining('FAR') }),
    )
  }
})

test.each([
  [`{url: "https://r.example", credentials: {type: basic, username: ci, password: s3cret}}`, 'password'],
  [`{url: "https://r.example", credentials: {type: refresh, refreshToken: s3cret}}`, 'refreshToken'],
  [`{url: "https://r.example", clientCertificate: {cert: x, key: s3cret}}`, 'key'],
  [`{url: "https://r.example", credentials: {type: refresh, refreshTokenEnv: "a b"}}`, 'refreshTokenEnv'],
])('%s is refused: %s', (remote, field) => {
  const details = expect.arrayContaining([expect.stringContaining(field)])
  expect(() => file(remote)).toThrow(expect.objectContaining({ code: 'usage', details }))
})

test.each([
  '{name: far, kind: remote, stage: x}',
  '{name: far, stage: x, remote: {url: "https://r.example"}}',
])('%s has half of a remote feed', (feed) => {
  const details = expect.arrayContaining([expect.stringContaining('feeds[0].remote')])
  expect(() => readDocument(`feeds: [${feed}]`, 'f')).toThrow(
    expect.objectContaining({ code: 'usage', details }),
  )
})

test('what the service has is compared without its secrets', () => {
  const has: Remote = {
    url: 'https://r.example',
    prefix: '',
    credentials: { type: 'basic', username: 'ci', set: true },
    realmAllowList: [],
    ca: null,
    clientCertificate: { cert: 'pem', set: true },
    proxy: null,
    plainHttp: [],
    privateHosts: [],
    bandwidth: null,
    repositories: [],
  }
  const wanted = {
    url: 'https://r.example',
    credentials: { type: 'basic' as const, username: 'ci', passwordEnv: 'X' },
  }
  const lines = diff(withoutMarks(has), { ...withoutMarks(has), ...withoutSecrets(wanted) })
  expect(lines).toEqual([])
})
