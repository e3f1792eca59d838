// The Distribution API as a client sends it, streaming, to a contender of peers.mjs.
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import http from 'node:http'

const MiB = 1024 * 1024
const agent = new http.Agent({ keepAlive: true })

/** A blob of `size` bytes that nobody has seen before and that needs little memory. */
export function makeBlob(size) {
  const first = randomBytes(MiB)
  const rest = randomBytes(MiB)
  function* chunks() {
    for (let at = 0; at < size; at += MiB)
      yield (at === 0 ? first : rest).subarray(0, Math.min(MiB, size - at))
  }
  const hash = createHash('sha256')
  for (const chunk of chunks()) hash.update(chunk)
  return { size, digest: `sha256:${hash.digest('hex')}`, chunks }
}

export const blobOf = (bytes) => ({
  size: bytes.length,
  digest: `sha256:${createHash('sha256').update(bytes).digest('hex')}`,
  chunks: () => [bytes],
})

async function send(url, { method = 'GET', authorization, headers = {}, chunks = [], size = 0, wanted }) {
  const request = http.request(url, {
    method,
    agent,
    headers: {
      ...headers,
      ...(authorization !== undefined && { authorization }),
      ...(method !== 'GET' && { 'content-length': size }),
    },
  })
  const answered = once(request, 'response')
  for (const chunk of chunks) {
    if (!request.write(chunk)) await Promise.race([once(request, 'drain'), answered])
  }
  request.end()
  const [response] = await answered
  if (response.statusCode === wanted) return response
  throw new Error(`${method} ${url}: ${response.statusCode} ${await read(response)}`)
}

async function read(response) {
  const parts = []
  for await (const part of response) parts.push(part)
  return Buffer.concat(parts).toString()
}

/** POST, one PATCH, PUT: what docker, podman and skopeo send. */
export async function pushBlob(contender, repository, blob) {
  const authorization = await contender.authorization(repository)
  const base = `${contender.url}/v2/${contender.name(repository)}/`
  const opened = await send(new URL('blobs/uploads/', base), { method: 'POST', authorization, wanted: 202 })
  opened.resume()
  const patched = await send(new URL(opened.headers.location, base), {
    method: 'PATCH',
    authorization,
    headers: { 'content-type': 'application/octet-stream' },
    chunks: blob.chunks(),
    size: blob.size,
    wanted: 202,
  })
  patched.resume()
  const last = new URL(patched.headers.location, base)
  last.searchParams.set('digest', blob.digest)
  const put = await send(last, { method: 'PUT', authorization, wanted: 201 })
  await read(put)
}

export async function mountBlob(contender, repository, from, digest) {
  const authorization = await contender.authorization(repository, from)
  const at = `${contender.url}/v2/${contender.name(repository)}/blobs/uploads/?mount=${digest}&from=${contender.name(from)}`
  await read(await send(at, { method: 'POST', authorization, wanted: 201 }))
}

export async function pullBlob(contender, repository, { digest, size }) {
  const authorization = await contender.authorization(repository)
  const at = `${contender.url}/v2/${contender.name(repository)}/blobs/${digest}`
  const response = await send(at, { authorization, wanted: 200 })
  let got = 0
  for await (const chunk of response) got += chunk.length
  if (got !== size) throw new Error(`${got} bytes of ${size}`)
}

export async function putManifest(contender, repository, reference, bytes) {
  const authorization = await contender.authorization(repository)
  const response = await send(`${contender.url}/v2/${contender.name(repository)}/manifests/${reference}`, {
    method: 'PUT',
    authorization,
    headers: { 'content-type': 'application/vnd.oci.image.manifest.v1+json' },
    chunks: [bytes],
    size: bytes.length,
    wanted: 201,
  })
  await read(response)
  return response.headers['docker-content-digest']
}

/** Until the last byte has come: to parse them is this side's work. */
export async function getJson(contender, repository, path, authorization) {
  const at = `${contender.url}/v2/${contender.name(repository)}/${path}`
  const { value, seconds } = await timed(async () => read(await send(at, { authorization, wanted: 200 })))
  return { value: JSON.parse(value), seconds }
}

export async function timed(work) {
  const begun = performance.now()
  const value = await work()
  return { value, seconds: (performance.now() - begun) / 1000 }
}

/** A manifest over blobs that were pushed; `note` makes it another one. */
export function manifestOf(config, layers, note) {
  const of = (mediaType, { digest, size }) => ({ mediaType, digest, size })
  const manifest = {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: of('application/vnd.oci.image.config.v1+json', config),
    layers: layers.map((layer) => of('application/vnd.oci.image.layer.v1.tar+gzip', layer)),
    annotations: { note },
  }
  return Buffer.from(JSON.stringify(manifest))
}

export const configOf = (layers) =>
  blobOf(
    Buffer.from(
      JSON.stringify({
        architecture: 'amd64',
        os: 'linux',
        rootfs: { type: 'layers', diff_ids: layers.map(({ digest }) => digest) },
      }),
    ),
  )
