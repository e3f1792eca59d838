import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import {
  type Authority,
  type Certificate,
  type ConnectProxy,
  makeAuthority,
  type RunningRegistry,
  startConnectProxy,
  startRegistry,
} from '@sluice/testkit'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openHouse, type Place, pull, push } from './house.ts'

// A registry that speaks TLS by an authority of its own, to those alone who show a certificate of it, and one that only
// a proxy can reach.

const INSIDE = 'registry.internal'
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'sluice-tls-'))
let house: Awaited<ReturnType<typeof openHouse>>
let authority: Authority
let stranger: Authority
let client: Certificate
let foreign: Certificate
let registry: RunningRegistry
let proxy: ConnectProxy
let digest: string
/** All that is right; each test changes something. */
let place: Place

beforeAll(async () => {
  house = await openHouse()
  authority = await makeAuthority(folder, 'authority')
  stranger = await makeAuthority(folder, 'stranger')
  client = await authority.issue('client')
  foreign = await stranger.issue('foreign')
  const { certFile: cert, keyFile: key } = await authority.issue('server', `DNS:${INSIDE}`, 'IP:127.0.0.1')
  registry = await startRegistry('docker-registry', {
    tls: { cert, key, clientAuthority: authority.certFile },
  })
  const { port } = new URL(registry.url)
  proxy = await startConnectProxy({ [`${INSIDE}:${port}`]: Number(port) })
  const { host } = house.own
  const dest = ['--dest-tls-verify=false', `--dest-creds=${house.own.credentials}`]
  digest = await push(`${host}/dev/tls:1.0.0`, ...dest)
  const { cert: shown, key: secret } = client
  place = {
    url: registry.url,
    prefix: 'team',
    ca: authority.cert,
    clientCertificate: { cert: shown, key: secret },
    privateHosts: ['127.0.0.1'],
  }
}, 120_000)

afterAll(async () => {
  await proxy.close()
  await registry.stop()
  fs.rmSync(folder, { recursive: true, force: true })
})

/** As anybody else would, with skopeo. */
function pulled(tag: string): Promise<string> {
  const certificates = path.join(folder, 'skopeo')
  fs.mkdirSync(certificates, { recursive: true })
  const files = { 'ca.crt': authority.certFile, 'client.cert': client.certFile, 'client.key': client.keyFile }
  for (const [name, file] of Object.entries(files)) fs.copyFileSync(file, path.join(certificates, name))
  return pull(`${new URL(registry.url).host}/team/tls:${tag}`, `--src-cert-dir=${certificates}`)
}

test('by the authority and the client certificate of its feed', async () => {
  const lane = await house.lane('dev', await house.feed(place, true))
  expect(await house.promote(lane, 'tls:1.0.0')).toMatchObject({ state: 'SUCCEEDED', digest })
  expect(await pulled('1.0.0')).toBe(digest)
})

test('only through a proxy, which alone knows where it is', async () => {
  const { port } = new URL(registry.url)
  const inside = { ...place, url: `https://${INSIDE}:${port}`, prefix: 'inside', proxy: proxy.url }
  const to = await house.feed(inside, true)
  const ended = await house.promote(await house.lane('dev', to), 'tls:1.0.0')
  expect(ended).toMatchObject({ state: 'SUCCEEDED', digest })
  expect(new Set(proxy.asked)).toEqual(new Set([`${INSIDE}:${port}`]))
})

const wrong: readonly [string, () => Partial<Place>, string][] = [
  [
    'an authority that did not sign its certificate',
    () => ({ ca: stranger.cert }),
    'REGISTRY: its certificate is signed by nobody whom this feed trusts; give the feed the CA that signed it (UNABLE_TO_VERIFY_LEAF_SIGNATURE); correct the certificates of the feed or of the registry',
  ],
  [
    'no authority',
    () => ({ ca: null }),
    'REGISTRY: its certificate is signed by nobody whom this feed trusts; give the feed the CA that signed it (UNABLE_TO_VERIFY_LEAF_SIGNATURE); correct the certificates of the feed or of the registry',
  ],
  [
    'no client certificate',
    () => ({ clientCertificate: null }),
    'REGISTRY: it wants another client certificate than this feed shows, or one at all (ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE); correct the certificates of the feed or of the registry',
  ],
  [
    'a client certificate of somebody else',
    () => ({ clientCertificate: { cert: foreign.cert, key: foreign.key } }),
    'REGISTRY: it wants another client certificate than this feed shows, or one at all (ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE); correct the certificates of the feed or of the registry',
  ],
  [
    'a proxy that refuses',
    () => ({ url: `https://${INSIDE}:1`, proxy: proxy.url }),
    `the proxy PROXY answered 502 to a tunnel for ${INSIDE}:1`,
  ],
  [
    'a proxy that is not there',
    () => ({ proxy: 'http://127.0.0.1:9' }),
    'the proxy 127.0.0.1:9: nothing accepts connections there; check the port and whether it runs (ECONNREFUSED)',
  ],
]

test.concurrent.each(wrong)(
  '%s: the connection test says so, and so does a promotion',
  async (_, change, says) => {
    const plainly = (text: string): string =>
      text.replaceAll(new URL(registry.url).host, 'REGISTRY').replaceAll(new URL(proxy.url).host, 'PROXY')
    const feed = await house.feed(place, true)
    const lane = await house.lane('dev', feed)
    const put = (remote: Partial<Place>) => house.admin.updateFeed({ params: { feed }, body: { remote } })

    const ended = await house.promote(lane, 'tls:1.0.0', () => put(change()))
    expect(ended.state).toBe('ERRORED')
    expect(plainly(ended.message)).toContain(says)
    const { ok, message } = await house.admin.testConnection({ params: { feed }, body: {} })
    expect(ok).toBe(false)
    expect(plainly(message)).toContain(says)
    await put({ proxy: null, ...place })
    expect(await house.retry(ended.id)).toMatchObject({ state: 'SUCCEEDED' })
  },
)
