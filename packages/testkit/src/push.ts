import { randomBytes } from 'node:crypto'
import { digestOf, OCI_CONFIG, OCI_INDEX, OCI_LAYER, OCI_MANIFEST } from '@sluice/oci'

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
