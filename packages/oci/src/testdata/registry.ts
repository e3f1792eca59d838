import { createHash } from 'node:crypto'
import { once } from 'node:events'
import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect } from 'vitest'
import type { RegistryErrorCode } from '../client/errors.ts'

export const sha256 = (bytes: Uint8Array): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`

/** Any error of the client with this code. */
export const coded = (code: RegistryErrorCode) => expect.objectContaining({ name: 'RegistryError', code })

/** What a test does instead of the registry; true when it has answered, or will. */
export type Intercept = (request: IncomingMessage, response: ServerResponse) => boolean | undefined

export interface FakeRegistry {
  readonly url: string
  readonly host: string
  readonly blobs: Map<string, Buffer>
  readonly manifests: Map<string, { type: string; bytes: Buffer }>
  readonly uploads: Map<string, Buffer[]>
  /** `METHOD /path` of every request, in order. */
  readonly log: string[]
  readonly authorizations: (string | undefined)[]
  intercept: Intercept
  /** Bytes of an upload after which the connection is cut, once each. */
  readonly cutUploads: number[]
  readonly cutDownloads: number[]
  referrersApi: boolean
  close(): Promise<void>
}

/** A Distribution registry in memory, just enough to be spoken to and to be made to fail. */
export async function fakeRegistry(): Promise<FakeRegistry> {
  const server = http.createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const state: FakeRegistry = {
    url: `http://127.0.0.1:${port}`,
    host: `127.0.0.1:${port}`,
    blobs: new Map(),
    manifests: new Map(),
    uploads: new Map(),
    log: [],
    authorizations: [],
    intercept: () => undefined,
    cutUploads: [],
    cutDownloads: [],
    referrersApi: true,
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    state.log.push(`${request.method} ${request.url}`)
    state.authorizations.push(request.headers.authorization)
    if (state.intercept(request, response) === true) return
    serve(state, request, response).catch(() => request.socket.destroy())
  })
  return state
}

export function fail(response: ServerResponse, status: number, code: string, headers: Record<string, string> = {}): true {
  response.writeHead(status, { 'content-type': 'application/json', ...headers })
  response.end(JSON.stringify({ errors: [{ code, message: code.toLowerCase() }] }))
  return true
}

async function serve(state: FakeRegistry, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', state.url)
  const { method } = request
  const [, name = '', kind = '', rest = ''] = /^\/v2\/(.+?)\/(blobs|manifests|tags|referrers)\/(.*)$/.exec(url.pathname) ?? []
  const send = (status: number, headers: Record<string, string | number> = {}, body?: Buffer): void => {
    response.writeHead(status, { 'content-length': body?.length ?? 0, ...headers })
    response.end(method === 'HEAD' ? undefined : body)
  }
  if (url.pathname === '/v2/') return send(200)
  if (kind === 'blobs' && rest.startsWith('uploads/')) return upload(state, request, response, url, name, rest.slice(8), send)
  if (kind === 'blobs') {
    const bytes = state.blobs.get(`${name} ${rest}`)
    if (bytes === undefined) return void fail(response, 404, 'BLOB_UNKNOWN')
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0)
    const body = bytes.subarray(from)
    const ranged = from > 0 ? { 'content-range': `bytes ${from}-${bytes.length - 1}/${bytes.length}` } : {}
    const cut = method === 'GET' ? state.cutDownloads.shift() : undefined
    if (cut === undefined) return send(from > 0 ? 206 : 200, ranged, body)
    response.writeHead(from > 0 ? 206 : 200, { 'content-length': body.length, ...ranged })
    response.write(body.subarray(0, cut), () => response.destroy())
    return
  }
  if (kind === 'manifests' && method === 'PUT') {
    const bytes = await bodyOf(request)
    const document = JSON.parse(bytes.toString()) as { config?: { digest: string }; layers?: { digest: string }[]; subject?: { digest: string } }
    const missing = [document.config, ...(document.layers ?? [])].find((link) => link && !state.blobs.has(`${name} ${link.digest}`))
    if (missing) return void fail(response, 404, 'MANIFEST_BLOB_UNKNOWN')
    const stored = { type: request.headers['content-type'] ?? '', bytes }
    state.manifests.set(`${name} ${rest}`, stored)
    state.manifests.set(`${name} ${sha256(bytes)}`, stored)
    const subject = state.referrersApi && document.subject ? { 'oci-subject': document.subject.digest } : {}
    return send(201, { location: url.pathname, 'docker-content-digest': sha256(bytes), ...subject })
  }
  if (kind === 'manifests' && method === 'DELETE') return send(state.manifests.delete(`${name} ${rest}`) ? 202 : 404)
  if (kind === 'manifests') {
    const found = state.manifests.get(`${name} ${rest}`)
    if (found === undefined) return void fail(response, 404, 'MANIFEST_UNKNOWN')
    return send(200, { 'content-type': found.type, 'docker-content-digest': sha256(found.bytes) }, found.bytes)
  }
  if (kind === 'referrers' && state.referrersApi) {
    const manifests = [...state.manifests].flatMap(([key, { type, bytes }]) => {
      const document = JSON.parse(bytes.toString()) as { subject?: { digest: string }; artifactType?: string }
      if (!key.startsWith(`${name} sha256:`) || document.subject?.digest !== rest) return []
      return [{ mediaType: type, digest: sha256(bytes), size: bytes.length, artifactType: document.artifactType }]
    })
    const index = { schemaVersion: 2, mediaType: 'application/vnd.oci.image.index.v1+json', manifests }
    return send(200, { 'content-type': index.mediaType }, Buffer.from(JSON.stringify(index)))
  }
  return void fail(response, 404, 'NAME_UNKNOWN')
}

async function upload(
  state: FakeRegistry,
  request: IncomingMessage,
  response: ServerResponse,
  url: URL,
  name: string,
  id: string,
  send: (status: number, headers?: Record<string, string | number>) => void,
): Promise<void> {
  const { method } = request
  const digest = url.searchParams.get('digest')
  if (method === 'POST') {
    const [mount, from] = [url.searchParams.get('mount'), url.searchParams.get('from')]
    const bytes = state.blobs.get(`${from} ${mount}`)
    if (bytes !== undefined) {
      state.blobs.set(`${name} ${mount}`, bytes)
      return send(201, { location: `/v2/${name}/blobs/${mount}` })
    }
    const fresh = `u${state.log.length}`
    state.uploads.set(fresh, [])
    return send(202, { location: `/v2/${name}/blobs/uploads/${fresh}?state=a%2Bb`, range: '0-0' })
  }
  const parts = state.uploads.get(id)
  if (parts === undefined) return void fail(response, 404, 'BLOB_UPLOAD_UNKNOWN')
  const held = () => parts.reduce((sum, { length }) => sum + length, 0)
  const place = () => ({ location: url.pathname, range: `0-${Math.max(0, held() - 1)}` })
  if (method === 'GET') return send(204, place())
  if (method === 'DELETE') return send(state.uploads.delete(id) ? 204 : 404)
  const start = /^(\d+)-/.exec(request.headers['content-range'] ?? '')?.[1]
  if (start !== undefined && Number(start) !== held()) return send(416, place())
  const cut = Number(request.headers['content-length']) > 0 ? state.cutUploads.shift() : undefined
  let got = 0
  for await (const part of request) {
    const bytes = cut === undefined ? (part as Buffer) : (part as Buffer).subarray(0, cut - got)
    got += bytes.length
    parts.push(bytes)
    if (got === cut) return void request.socket.destroy()
  }
  if (method === 'PATCH') return send(202, place())
  const whole = Buffer.concat(parts)
  state.uploads.delete(id)
  if (digest !== sha256(whole)) return void fail(response, 400, 'DIGEST_INVALID')
  state.blobs.set(`${name} ${digest}`, whole)
  return send(201, { location: `/v2/${name}/blobs/${digest}`, 'docker-content-digest': digest })
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = []
  for await (const part of request) parts.push(part as Buffer)
  return Buffer.concat(parts)
}
