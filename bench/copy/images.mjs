// Images pushed by the plain protocol into a registry.
import { createHash, randomBytes } from 'node:crypto'

const INDEX = 'application/vnd.oci.image.index.v1+json'
const MANIFEST = 'application/vnd.oci.image.manifest.v1+json'
const digestOf = (bytes) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`

async function put(url, headers, body) {
  const answer = await fetch(url, { method: 'PUT', headers, body })
  if (answer.status !== 201) throw new Error(`${url}: ${answer.status} ${await answer.text()}`)
  await answer.arrayBuffer()
}

export async function pushBlob(
  registry,
  repository,
  bytes,
  mediaType = 'application/vnd.oci.image.layer.v1.tar',
) {
  const digest = digestOf(bytes)
  const started = await fetch(`${registry}/v2/${repository}/blobs/uploads/`, { method: 'POST' })
  const location = new URL(started.headers.get('location'), registry)
  location.searchParams.set('digest', digest)
  await put(location, { 'content-type': 'application/octet-stream' }, bytes)
  return { mediaType, digest, size: bytes.length }
}

async function pushManifest(registry, repository, mediaType, fields, tag) {
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, ...fields }))
  const digest = digestOf(bytes)
  await put(`${registry}/v2/${repository}/manifests/${tag ?? digest}`, { 'content-type': mediaType }, bytes)
  return { mediaType, digest, size: bytes.length }
}

/** An image of `shared` layers and new ones of these sizes. */
export async function pushImage(
  registry,
  repository,
  sizes,
  { tag, shared = [], architecture = 'amd64' } = {},
) {
  const layers = [...shared]
  for (const size of sizes) layers.push(await pushBlob(registry, repository, randomBytes(size)))
  const diff_ids = layers.map(({ digest }) => digest)
  const text = JSON.stringify({ architecture, os: 'linux', rootfs: { type: 'layers', diff_ids } })
  const config = await pushBlob(
    registry,
    repository,
    Buffer.from(text),
    'application/vnd.oci.image.config.v1+json',
  )
  return pushManifest(registry, repository, MANIFEST, { config, layers }, tag)
}

export async function pushIndex(registry, repository, platforms, size, tag) {
  const manifests = []
  for (let i = 0; i < platforms; i++) {
    const architecture = `arch${i}`
    const image = await pushImage(registry, repository, [size], { architecture })
    manifests.push({ ...image, platform: { os: 'linux', architecture } })
  }
  return pushManifest(registry, repository, INDEX, { manifests }, tag)
}
