import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { digestOf, OCI_CONFIG, OCI_INDEX, OCI_LAYER_GZIP, OCI_MANIFEST } from '@sluice/oci'

const REFERRERS_PAGE = 100

/** A registry elsewhere, in memory: what is read of it before anything is copied. */
export async function startRegistry() {
  const manifests = new Map<string, { bytes: Buffer; type: string; digest?: string }>()
  const blobs = new Map<string, Buffer>()
  const referrers = new Map<string, object[]>()
  const log: string[] = []
  const state = {
    /** What a test does in place of it; true when it has answered, or never will. */
    instead: (_req: IncomingMessage, _res: ServerResponse): boolean => false,
  }
  const server = http.createServer((req, res) => {
    log.push(`${req.method} ${req.url}`)
    if (state.instead(req, res)) return
    const send = (status: number, type: string, bytes: Buffer, headers = {}) => {
      res.writeHead(status, { 'content-type': type, 'content-length': bytes.length, ...headers })
      res.end(req.method === 'HEAD' ? undefined : bytes)
    }
    const [, repository = '', kind = '', name = ''] =
      /^\/v2\/(.+)\/(manifests|blobs|referrers|tags)\/([^?]+)/.exec(req.url ?? '') ?? []
    if (req.url === '/v2/') return send(200, 'application/json', Buffer.from('{}'))
    if (kind === 'tags') {
      const start = `${repository} `
      const tags = [...manifests.keys()].filter((key) => key.startsWith(start) && !key.includes(':'))
      const names = { name: repository, tags: tags.map((key) => key.slice(start.length)) }
      return send(200, 'application/json', Buffer.from(JSON.stringify(names)))
    }
    if (kind === 'referrers') {
      const all = referrers.get(name) ?? []
      const start = Number(/from=(\d+)/.exec(req.url ?? '')?.[1] ?? 0)
      const next = start + REFERRERS_PAGE
      const more =
        next < all.length ? { link: `</v2/${repository}/referrers/${name}?from=${next}>; rel="next"` } : {}
      const index = { schemaVersion: 2, mediaType: OCI_INDEX, manifests: all.slice(start, next) }
      return send(200, OCI_INDEX, Buffer.from(JSON.stringify(index)), more)
    }
    const blob = kind === 'blobs' ? blobs.get(name) : undefined
    if (blob !== undefined) return send(200, 'application/octet-stream', blob)
    const manifest = kind === 'manifests' ? manifests.get(`${repository} ${name}`) : undefined
    if (manifest === undefined) {
      const errors = [{ code: 'MANIFEST_UNKNOWN', message: 'no' }]
      return send(404, 'application/json', Buffer.from(JSON.stringify({ errors })))
    }
    const digest = { 'docker-content-digest': manifest.digest ?? digestOf(manifest.bytes) }
    return send(200, manifest.type, manifest.bytes, digest)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a server on TCP has one
  const { port } = server.address() as AddressInfo

  const put = (repository: string, body: object, type: string, tags: readonly string[] = []) => {
    const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: type, ...body }))
    const digest = digestOf(bytes)
    for (const name of [digest, ...tags]) manifests.set(`${repository} ${name}`, { bytes, type })
    return { mediaType: type, digest, size: bytes.length }
  }
  const blob = (mediaType: string, bytes: Buffer = randomBytes(40)) => {
    const digest = digestOf(bytes)
    blobs.set(digest, bytes)
    return { mediaType, digest, size: bytes.length }
  }
  const image = (repository: string, tags: readonly string[] = []) =>
    put(repository, { config: blob(OCI_CONFIG), layers: [blob(OCI_LAYER_GZIP)] }, OCI_MANIFEST, tags)

  return {
    url: `http://127.0.0.1:${port}`,
    state,
    log,
    manifests,
    put,
    blob,
    /** An image of two blobs; answers its digest. */
    image: (repository: string, tags: readonly string[]) => image(repository, tags).digest,
    index(repository: string, tags: readonly string[]) {
      const children = ['amd64', 'arm64'].map((architecture) => ({
        ...image(repository),
        platform: { os: 'linux', architecture },
      }))
      return { digest: put(repository, { manifests: children }, OCI_INDEX, tags).digest, children }
    },
    /** Hangs one layer of this type on an image, by its `subject`. */
    attach(repository: string, subject: { digest: string; mediaType: string; size: number }, layer: object) {
      const artifact = put(
        repository,
        { artifactType: 'application/vnd.test', config: blob(OCI_CONFIG), layers: [layer], subject },
        OCI_MANIFEST,
      )
      referrers.set(subject.digest, [...(referrers.get(subject.digest) ?? []), artifact])
      return artifact.digest
    },
    /** Lists what refers to a subject under another digest. */
    rename(subject: string, from: string, to: string) {
      const all = referrers.get(subject) ?? []
      referrers.set(
        subject,
        all.map((one) => ('digest' in one && one.digest === from ? { ...one, digest: to } : one)),
      )
    },
    sizeOf: (digest: string) =>
      [...manifests].find(([key]) => key.endsWith(` ${digest}`))?.[1].bytes.length ?? 0,
    /** Anything whose digest is this one, for who only asks for the digest. */
    asManifest: (digest: string) => ({ bytes: Buffer.from('{}'), type: OCI_MANIFEST, digest }),
    remove: (repository: string, name: string) => manifests.delete(`${repository} ${name}`),
    async close(): Promise<void> {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

export type TestRegistry = Awaited<ReturnType<typeof startRegistry>>
