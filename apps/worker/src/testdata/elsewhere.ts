import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { createFeedServer } from '@sluice/feed'
import { memoryIndex } from '@sluice/feed/memory'
import { memoryStorage } from '@sluice/feed/storage'
import { digestOf, OCI_CONFIG, OCI_INDEX, OCI_LAYER, OCI_MANIFEST } from '@sluice/oci'

export interface Served {
  readonly url: string
  /** Goes before a repository's name: our feeds are the first part of it. */
  readonly prefix: string
  stop(): Promise<void>
}

/** Our own registry in this process, open to everybody. */
export async function startFeed(): Promise<Served> {
  const handle = createFeedServer({
    index: memoryIndex({ feeds: [{ id: 'f-dev', name: 'dev', trusted: false }] }),
    storage: memoryStorage(),
    authenticate: async () => ({
      principalId: 'ci',
      may: async () => 'allowed',
      readableFeedIds: async () => ['f-dev'],
    }),
    challenge: () => 'Basic realm="test"',
  })
  const server = createServer({ requestTimeout: 0 }, (request, response) => void handle(request, response))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the feed has no port')
  return {
    url: `http://127.0.0.1:${address.port}`,
    prefix: 'dev/',
    async stop() {
      const closed = once(server, 'close')
      server.closeAllConnections()
      server.close()
      await closed
    },
  }
}


export interface Link {
  readonly mediaType: string
  readonly digest: string
  readonly size: number
}

export interface PushedImage extends Link {
  readonly layers: readonly Link[]
}

/** Pushes bytes by the plain protocol, so that what the copy reads was not written by it. */
export async function pushBlob(
  url: string,
  name: string,
  bytes: Uint8Array,
  mediaType = OCI_LAYER,
): Promise<Link> {
  const digest = digestOf(bytes)
  const started = await fetch(`${url}/v2/${name}/blobs/uploads/`, { method: 'POST' })
  const location = new URL(started.headers.get('location') ?? '', url)
  location.searchParams.set('digest', digest)
  const headers = { 'content-type': 'application/octet-stream' }
  await accepted(fetch(location, { method: 'PUT', headers, body: Buffer.from(bytes) }))
  return { mediaType, digest, size: bytes.length }
}

export async function pushManifest(
  url: string,
  name: string,
  mediaType: string,
  fields: object,
  tag?: string,
): Promise<Link> {
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, ...fields }))
  const digest = digestOf(bytes)
  const headers = { 'content-type': mediaType }
  await accepted(
    fetch(`${url}/v2/${name}/manifests/${tag ?? digest}`, { method: 'PUT', headers, body: bytes }),
  )
  return { mediaType, digest, size: bytes.length }
}

/** An image of layers of these sizes, in random bytes. */
export async function pushImage(
  url: string,
  name: string,
  sizes: readonly number[],
  { fields = {}, tag }: { fields?: object; tag?: string } = {},
): Promise<PushedImage> {
  const layers: Link[] = []
  for (const size of sizes) layers.push(await pushBlob(url, name, randomBytes(size)))
  const config = await pushBlob(
    url,
    name,
    Buffer.from(`{"os":"linux","id":"${randomBytes(8).toString('hex')}"}`),
    OCI_CONFIG,
  )
  return { ...(await pushManifest(url, name, OCI_MANIFEST, { config, layers, ...fields }, tag)), layers }
}

export function pushIndex(url: string, name: string, images: readonly Link[], tag?: string): Promise<Link> {
  return pushManifest(url, name, OCI_INDEX, { manifests: images.map(plain) }, tag)
}

export function plain({ mediaType, digest, size }: Link): Link {
  return { mediaType, digest, size }
}

async function accepted(sent: Promise<Response>): Promise<void> {
  const answer = await sent
  if (!answer.ok) throw new Error(`${answer.url} answered ${answer.status}: ${await answer.text()}`)
  await answer.arrayBuffer()
}
