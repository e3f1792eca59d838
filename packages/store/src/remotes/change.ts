import { X509Certificate } from 'node:crypto'
import tls from 'node:tls'
import { type Credentials, isRepositoryName, OciError, openRegistry, RegistryError } from '@sluice/oci'
import type { JsonObject } from '@sluice/proof'
import { StoreError } from '../errors.ts'
import type { Seal } from '../secrets/seal.ts'
import type { Transaction } from '../transaction.ts'
import { sealContext } from './settings.ts'

/** How a registry is reached, with the secrets in it. */
export interface NewRemote {
  readonly url: string
  readonly prefix?: string | undefined
  readonly credentials?: Credentials | null | undefined
  readonly realmAllowList?: readonly string[] | undefined
  readonly ca?: string | null | undefined
  readonly clientCertificate?: { readonly cert: string; readonly key: string } | null | undefined
  readonly proxy?: string | null | undefined
  readonly plainHttp?: 'loopback' | readonly string[] | undefined
  readonly privateHosts?: readonly string[] | undefined
  readonly bandwidth?: number | null | undefined
  readonly repositories?: readonly string[] | undefined
}

/** What is left out stays. */
export type RemoteChange = { readonly [K in keyof NewRemote]?: NewRemote[K] }

/** They say who hears the credentials. */
const LEADING = ['url', 'realmAllowList', 'ca', 'proxy', 'plainHttp'] as const

/** Writes the settings of a feed that is being made. Answers what an entry may say of it. @throws StoreError invalid */
export async function insertRemote(
  tx: Transaction,
  seal: Seal,
  feedId: string,
  remote: NewRemote,
): Promise<JsonObject> {
  check(remote)
  const data = columns(seal, feedId, plainly(remote))
  await tx.feedRemote.create({ data: { feedId, ...data, baseUrl: new URL(remote.url).origin } })
  return told(plainly(remote))
}

/**
 * Changes settings of a locked remote feed. Whatever decides where the credentials are sent is changed together
 * with them: else who administers the feed could have a password that he was never told sent to himself.
 * @throws StoreError invalid
 */
export async function changeRemote(
  tx: Transaction,
  seal: Seal,
  feedId: string,
  change: RemoteChange,
): Promise<JsonObject> {
  const now = await tx.feedRemote.findUniqueOrThrow({ where: { feedId } })
  const before: NewRemote = {
    url: now.baseUrl,
    prefix: now.prefix,
    realmAllowList: now.realmAllowList,
    ca: now.ca,
    proxy: now.proxy,
    plainHttp: now.plainHttp.length === 1 && now.plainHttp[0] === 'loopback' ? 'loopback' : now.plainHttp,
    privateHosts: now.privateHosts,
  }
  const asked = Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined))
  check({ ...before, ...asked })
  const given: Record<string, unknown> = plainly(asked)
  const leads = LEADING.find(
    (key) => key in given && JSON.stringify(given[key]) !== JSON.stringify(before[key]),
  )
  if (leads !== undefined && now.credentialType !== null && change.credentials === undefined) {
    throw new StoreError(
      'invalid',
      `${leads} says where the credentials go: give them again with it, or null for none`,
      { field: 'remote.credentials' },
    )
  }
  await tx.feedRemote.update({ where: { feedId }, data: columns(seal, feedId, plainly(change)) })
  return told(plainly(change))
}

/** Addresses of checked settings as they are compared: origins, and hosts in lower case. */
function plainly(remote: RemoteChange): RemoteChange {
  const { url, realmAllowList, proxy, plainHttp, privateHosts } = remote
  const lower = (hosts: readonly string[]) => hosts.map((host) => host.toLowerCase())
  return {
    ...remote,
    ...(url !== undefined && { url: new URL(url).origin }),
    ...(realmAllowList && { realmAllowList: realmAllowList.map((realm) => new URL(realm).origin) }),
    ...(proxy != null && { proxy: new URL(proxy).origin }),
    ...(plainHttp !== undefined && plainHttp !== 'loopback' && { plainHttp: lower(plainHttp) }),
    ...(privateHosts && { privateHosts: lower(privateHosts) }),
  }
}

function columns(seal: Seal, feedId: string, remote: RemoteChange) {
  const { url, credentials, clientCertificate, plainHttp, bandwidth } = remote
  const sealed = (secret: string, what: 'credential' | 'client key') =>
    new Uint8Array(seal.close(secret, sealContext(feedId, what)))
  return {
    ...(url !== undefined && { baseUrl: url }),
    ...(remote.prefix !== undefined && { prefix: remote.prefix }),
    ...(credentials !== undefined && {
      credentialType: credentials?.type ?? null,
      username: credentials?.type === 'basic' ? credentials.username : null,
      sealedCredential:
        credentials === null
          ? null
          : sealed(
              credentials.type === 'basic' ? credentials.password : credentials.refreshToken,
              'credential',
            ),
    }),
    ...(remote.realmAllowList !== undefined && { realmAllowList: [...remote.realmAllowList] }),
    ...(remote.ca !== undefined && { ca: remote.ca }),
    ...(clientCertificate !== undefined && {
      clientCertificate: clientCertificate?.cert ?? null,
      sealedClientKey: clientCertificate === null ? null : sealed(clientCertificate.key, 'client key'),
    }),
    ...(remote.proxy !== undefined && { proxy: remote.proxy }),
    ...(plainHttp !== undefined && { plainHttp: plainHttp === 'loopback' ? ['loopback'] : [...plainHttp] }),
    ...(remote.privateHosts !== undefined && { privateHosts: [...remote.privateHosts] }),
    ...(bandwidth !== undefined && { bandwidth: bandwidth === null ? null : BigInt(bandwidth) }),
    ...(remote.repositories !== undefined && { repositories: [...new Set(remote.repositories)] }),
  }
}

/** Of secrets, that they were given; never what. */
function told(remote: RemoteChange): JsonObject {
  const { credentials, clientCertificate, ...plain } = remote
  return {
    ...JSON.parse(JSON.stringify(plain)),
    ...(credentials !== undefined && { credentials: credentials === null ? null : 'set' }),
    ...(clientCertificate !== undefined && {
      clientCertificate: clientCertificate === null ? null : 'set',
    }),
  }
}

function invalid(field: string, message: string): StoreError {
  return new StoreError('invalid', message, { field: `remote.${field}` })
}

/** @throws StoreError invalid, naming the field */
function check({ prefix = '', ca, clientCertificate, proxy, ...remote }: NewRemote): void {
  const hosts = [['plainHttp', remote.plainHttp === 'loopback' ? [] : remote.plainHttp] as const]
  for (const [field, names = []] of [...hosts, ['privateHosts', remote.privateHosts] as const]) {
    for (const [i, name] of names.entries()) {
      if (!isHost(name)) throw invalid(`${field}[${i}]`, 'is a host name or address, without scheme and port')
    }
  }
  for (const [i, name] of (remote.repositories ?? []).entries()) {
    if (!isRepositoryName(name))
      throw invalid(`repositories[${i}]`, 'is no name of a repository, as team/app')
  }
  if (prefix !== '' && !isRepositoryName(prefix)) {
    throw invalid('prefix', 'is the beginning of a repository name there, as team or team/images')
  }
  if (proxy != null && !(/^http:\/\/[^/@?#]+\/?$/.test(proxy) && URL.canParse(proxy))) {
    throw invalid('proxy', 'is http://HOST[:PORT], without user and password')
  }
  if (ca != null && !isCertificate(ca)) throw invalid('ca', 'is no certificate in PEM form')
  if (clientCertificate != null) {
    try {
      tls.createSecureContext(clientCertificate)
    } catch {
      throw invalid('clientCertificate', 'cert and key are in PEM form and belong together')
    }
  }
  // The client reads addresses as it will use them, and refuses those that it must not visit.
  const { url, realmAllowList = [], plainHttp, privateHosts } = remote
  const reach = { ...(plainHttp !== undefined && { plainHttp }), ...(privateHosts && { privateHosts }) }
  refusing('url', () => openRegistry({ baseUrl: url, ...reach }).close())
  for (const [i, realm] of realmAllowList.entries()) {
    const tried = { baseUrl: realm, ...reach }
    refusing(`realmAllowList[${i}]`, () => openRegistry(tried).close())
  }
}

function refusing(field: string, act: () => void): void {
  try {
    act()
  } catch (error) {
    if (error instanceof RegistryError || error instanceof OciError) {
      throw invalid(field, error.message.replace(/^baseUrl /, ''))
    }
    throw error
  }
}

const isHost = (text: string): boolean =>
  /^[A-Za-z0-9.:_-]{1,253}$/.test(text) && URL.canParse(`http://${text.includes(':') ? `[${text}]` : text}`)

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).subject !== undefined
  } catch {
    return false
  }
}
