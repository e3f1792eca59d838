import type { Remote } from '@sluice/contract'
import { words } from '../format/words.ts'

/** The registry of a remote feed as it is typed. Secrets are only ever typed: none is read back. */
export type Settings = {
  readonly url: string
  readonly prefix: string
  readonly signIn: 'keep' | 'none' | 'basic' | 'refresh'
  readonly username: string
  readonly password: string
  readonly refreshToken: string
  readonly realms: string
  readonly ca: string
  readonly certificate: 'keep' | 'none' | 'given'
  readonly cert: string
  readonly key: string
  readonly proxy: string
  readonly plainHosts: string
  readonly privateHosts: string
  /** Megabytes a second. */
  readonly bandwidth: string
  readonly repositories: string
}

const NO_SECRETS = { username: '', password: '', refreshToken: '', cert: '', key: '' }

export const NEW_REGISTRY: Settings = {
  ...NO_SECRETS,
  url: '',
  prefix: '',
  signIn: 'basic',
  realms: '',
  ca: '',
  certificate: 'none',
  proxy: '',
  plainHosts: '',
  privateHosts: '',
  bandwidth: '',
  repositories: '',
}

export const settingsOf = (remote: Remote): Settings => ({
  ...NO_SECRETS,
  url: remote.url,
  prefix: remote.prefix,
  signIn: remote.credentials === null ? 'none' : 'keep',
  realms: remote.realmAllowList.join('\n'),
  ca: remote.ca ?? '',
  certificate: remote.clientCertificate === null ? 'none' : 'keep',
  proxy: remote.proxy ?? '',
  plainHosts: remote.plainHttp === 'loopback' ? '' : remote.plainHttp.join(' '),
  privateHosts: remote.privateHosts.join(' '),
  bandwidth: remote.bandwidth === null ? '' : String(remote.bandwidth / 1e6),
  repositories: remote.repositories.join('\n'),
})

/** All but the secrets, as the service takes it. */
function open(settings: Settings) {
  const { url, prefix, realms, ca, proxy, plainHosts, privateHosts, bandwidth, repositories } = settings
  const plain = words(plainHosts)
  return {
    url: url.trim(),
    prefix: prefix.trim(),
    realmAllowList: words(realms),
    ca: ca.trim() === '' ? null : ca,
    proxy: proxy.trim() === '' ? null : proxy.trim(),
    plainHttp: plain.length === 0 ? ('loopback' as const) : plain,
    privateHosts: words(privateHosts),
    bandwidth: bandwidth === '' ? null : Math.round(Number(bandwidth) * 1e6),
    repositories: words(repositories),
  }
}

/** What was typed of the secrets; one that is kept is left out, so that it stays. */
function secrets({ signIn, username, password, refreshToken, certificate, cert, key }: Settings) {
  return {
    ...(signIn === 'basic' && {
      credentials: { type: 'basic' as const, username: username.trim(), password },
    }),
    ...(signIn === 'refresh' && { credentials: { type: 'refresh' as const, refreshToken } }),
    ...(signIn === 'none' && { credentials: null }),
    ...(certificate === 'given' && { clientCertificate: { cert, key } }),
    ...(certificate === 'none' && { clientCertificate: null }),
  }
}

/** For a feed that is made. */
export const remoteOf = (settings: Settings) => ({ ...open(settings), ...secrets(settings) })

/** For a feed that is there: what differs from it, and nothing else. */
export function changeOf(settings: Settings, remote: Remote) {
  const before = open(settingsOf(remote))
  const differs = (value: unknown, was: unknown) => JSON.stringify(value) !== JSON.stringify(was)
  const now = open(settings)
  const { credentials, clientCertificate } = secrets(settings)
  return {
    ...(differs(now.url, before.url) && { url: now.url }),
    ...(differs(now.prefix, before.prefix) && { prefix: now.prefix }),
    ...(differs(now.realmAllowList, before.realmAllowList) && { realmAllowList: now.realmAllowList }),
    ...(differs(now.ca, before.ca) && { ca: now.ca }),
    ...(differs(now.proxy, before.proxy) && { proxy: now.proxy }),
    ...(differs(now.plainHttp, before.plainHttp) && { plainHttp: now.plainHttp }),
    ...(differs(now.privateHosts, before.privateHosts) && { privateHosts: now.privateHosts }),
    ...(differs(now.bandwidth, before.bandwidth) && { bandwidth: now.bandwidth }),
    ...(differs(now.repositories, before.repositories) && { repositories: now.repositories }),
    ...(credentials !== undefined &&
      (credentials !== null || remote.credentials !== null) && { credentials }),
    ...(clientCertificate !== undefined &&
      (clientCertificate !== null || remote.clientCertificate !== null) && { clientCertificate }),
  }
}
