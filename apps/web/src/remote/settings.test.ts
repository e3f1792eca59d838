import type { Remote } from '@sluice/contract'
import { expect, test } from 'vitest'
import { changeOf, NEW_REGISTRY, remoteOf, settingsOf } from './settings.ts'

const remote: Remote = {
  url: 'https://registry.example',
  prefix: 'team',
  credentials: { type: 'basic', username: 'robot', set: true },
  realmAllowList: ['https://auth.example'],
  ca: null,
  clientCertificate: null,
  proxy: null,
  plainHttp: 'loopback',
  privateHosts: ['registry.example'],
  bandwidth: 5_000_000,
  repositories: ['app'],
}

test('what is not touched is not sent, and a secret that is kept is not either', () => {
  expect(changeOf(settingsOf(remote), remote)).toEqual({})
})

test.each([
  [{ prefix: '' }, { prefix: '' }],
  [{ bandwidth: '' }, { bandwidth: null }],
  [{ bandwidth: '2.5' }, { bandwidth: 2_500_000 }],
  [{ realms: '' }, { realmAllowList: [] }],
  [{ repositories: 'app\nteam/web ' }, { repositories: ['app', 'team/web'] }],
  [{ plainHosts: 'a b' }, { plainHttp: ['a', 'b'] }],
  [{ signIn: 'none' }, { credentials: null }],
  [
    { signIn: 'basic', username: 'other ', password: ' secret ' },
    { credentials: { type: 'basic', username: 'other', password: ' secret ' } },
  ],
  [{ signIn: 'refresh', refreshToken: 't' }, { credentials: { type: 'refresh', refreshToken: 't' } }],
  [{ certificate: 'given', cert: 'c', key: 'k' }, { clientCertificate: { cert: 'c', key: 'k' } }],
] as const)('of %j, %j is sent', (typed, sent) => {
  expect(changeOf({ ...settingsOf(remote), ...typed }, remote)).toEqual(sent)
})

test('a new registry is sent whole', () => {
  const typed = { ...NEW_REGISTRY, url: ' https://ghcr.io ', username: 'robot', password: 'secret' }
  expect(remoteOf(typed)).toEqual({
    url: 'https://ghcr.io',
    prefix: '',
    credentials: { type: 'basic', username: 'robot', password: 'secret' },
    realmAllowList: [],
    ca: null,
    clientCertificate: null,
    proxy: null,
    plainHttp: 'loopback',
    privateHosts: [],
    bandwidth: null,
    repositories: [],
  })
})
