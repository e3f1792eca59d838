import type { Credentials, RegistryOptions } from '@sluice/oci'
import type { Seal } from '../secrets/seal.ts'

/** How a remote feed's registry is reached, as the API answers it: secrets are known to be set, not what they are. */
export interface RemoteView {
  /** `https://registry.example[:port]` */
  readonly url: string
  /** The feed's repository `team/app` is `<prefix>/team/app` there; empty: `team/app`. */
  readonly prefix: string
  readonly credentials:
    | { readonly type: 'basic'; readonly username: string; readonly set: true }
    | { readonly type: 'refresh'; readonly set: true }
    | null
  readonly realmAllowList: readonly string[]
  /** PEM. */
  readonly ca: string | null
  readonly clientCertificate: { readonly cert: string; readonly set: true } | null
  readonly proxy: string | null
  readonly plainHttp: 'loopback' | readonly string[]
  readonly privateHosts: readonly string[]
  /** Bytes a second. */
  readonly bandwidth: number | null
  /** To be listed beside those that were heard of. */
  readonly repositories: readonly string[]
}

/** A remote or proxy feed as whoever speaks to its registry needs it; `options` hold opened secrets. */
export interface RemoteAccess {
  readonly feedId: string
  readonly feed: string
  readonly kind: 'remote' | 'proxy'
  readonly prefix: string
  /** Bytes a second. */
  readonly bandwidth: number | null
  /** Limits and the budget of requests are the caller's to add. */
  readonly options: RegistryOptions
  /** Another value: other settings. */
  readonly changedAt: Date
}

export interface RemoteRow {
  readonly feedId: string
  readonly feed: string
  readonly kind: 'remote' | 'proxy'
  readonly baseUrl: string
  readonly prefix: string
  readonly credentialType: 'basic' | 'refresh' | null
  readonly username: string | null
  readonly sealedCredential: Uint8Array | null
  readonly realmAllowList: readonly string[]
  readonly ca: string | null
  readonly clientCertificate: string | null
  readonly sealedClientKey: Uint8Array | null
  readonly proxy: string | null
  readonly plainHttp: readonly string[]
  readonly privateHosts: readonly string[]
  readonly bandwidth: number | null
  readonly changedAt: Date
}

/** To be followed by `and …`. */
export const REMOTE_ROW = `
  select x.feed_id as "feedId", n.name as feed, f.kind, x.base_url as "baseUrl", x.prefix, x.credential_type as "credentialType", x.username,
    x.sealed_credential as "sealedCredential", x.realm_allow_list as "realmAllowList", x.ca,
    x.client_certificate as "clientCertificate", x.sealed_client_key as "sealedClientKey", x.proxy,
    x.plain_http as "plainHttp", x.private_hosts as "privateHosts", x.bandwidth::float8 as bandwidth, x.changed_at as "changedAt"
  from feed_remote x join feed f on f.id = x.feed_id join feed_name n on n.feed_id = f.id and n.is_current
  where f.deleted_at is null`

/** The `RemoteView` of the feed `f`, as JSON; null where it has none. */
export const REMOTE_VIEW = `
  (select json_build_object('url', x.base_url, 'prefix', x.prefix,
    'credentials', case x.credential_type
      when 'basic' then json_build_object('type', 'basic', 'username', x.username, 'set', true)
      when 'refresh' then json_build_object('type', 'refresh', 'set', true) end,
    'realmAllowList', x.realm_allow_list, 'ca', x.ca,
    'clientCertificate', case when x.client_certificate is not null
      then json_build_object('cert', x.client_certificate, 'set', true) end,
    'proxy', x.proxy, 'plainHttp', case when x.plain_http = '{loopback}' then to_json('loopback'::text) else to_json(x.plain_http) end,
    'privateHosts', x.private_hosts, 'bandwidth', x.bandwidth, 'repositories', x.repositories)
   from feed_remote x where x.feed_id = f.id)`

/** What a sealed secret of a feed is of. */
export const sealContext = (feedId: string, what: 'credential' | 'client key'): string =>
  `feed:${feedId} ${what}`

/** @throws StoreError secret_unusable */
export function remoteAccess(row: RemoteRow, seal: Seal): RemoteAccess {
  const { feedId, feed, kind, prefix, bandwidth, changedAt, ca, proxy, clientCertificate, sealedClientKey } =
    row
  const credentials = credentialsOf(row, seal)
  const options: RegistryOptions = {
    baseUrl: row.baseUrl,
    realmAllowList: row.realmAllowList,
    plainHttp: plainHttpOf(row.plainHttp),
    privateHosts: row.privateHosts,
    ...(credentials && { credentials }),
    ...(ca !== null && { ca }),
    ...(proxy !== null && { proxy }),
    ...(clientCertificate !== null &&
      sealedClientKey !== null && {
        clientCertificate: {
          cert: clientCertificate,
          key: seal.open(sealedClientKey, sealContext(feedId, 'client key')),
        },
      }),
  }
  return { feedId, feed, kind, prefix, bandwidth, options, changedAt }
}

function credentialsOf(
  { feedId, credentialType, username, sealedCredential }: RemoteRow,
  seal: Seal,
): Credentials | null {
  if (credentialType === null || sealedCredential === null) return null
  const secret = seal.open(sealedCredential, sealContext(feedId, 'credential'))
  return credentialType === 'basic'
    ? { type: 'basic', username: username ?? '', password: secret }
    : { type: 'refresh', refreshToken: secret }
}

function plainHttpOf(hosts: readonly string[]): 'loopback' | readonly string[] {
  return hosts.length === 1 && hosts[0] === 'loopback' ? 'loopback' : hosts
}
