import { createHash } from 'node:crypto'

/** An image that only a registry and a screen look into: layers are any bytes. */
export type Made = {
  readonly digest: string
  readonly manifest: string
  readonly blobs: ReadonlyMap<string, Buffer>
}

export type Recipe = {
  readonly layers: readonly string[]
  readonly env?: readonly string[]
  readonly labels?: Readonly<Record<string, string>>
  readonly command?: readonly string[]
}

const IMAGE = 'application/vnd.oci.image.manifest.v1+json'

const sha256 = (bytes: Uint8Array): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`

/** OCI image specification: config, layers, manifest. */
export function makeImage({ layers, env = [], labels = {}, command = ['serve'] }: Recipe): Made {
  const bodies = layers.map((text) => Buffer.from(text.repeat(400)))
  const config = Buffer.from(
    JSON.stringify({
      architecture: 'amd64',
      os: 'linux',
      created: '2026-03-01T08:30:00Z',
      config: {
        Env: env,
        Labels: labels,
        Entrypoint: ['/bin/app'],
        Cmd: command,
        User: '1000',
        WorkingDir: '/srv',
      },
      rootfs: { type: 'layers', diff_ids: bodies.map(sha256) },
    }),
  )
  const describe = (mediaType: string, bytes: Buffer) => ({
    mediaType,
    digest: sha256(bytes),
    size: bytes.length,
  })
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: IMAGE,
    config: describe('application/vnd.oci.image.config.v1+json', config),
    layers: bodies.map((body) => describe('application/vnd.oci.image.layer.v1.tar', body)),
  })
  return {
    digest: sha256(Buffer.from(manifest)),
    manifest,
    blobs: new Map([config, ...bodies].map((body) => [sha256(body), body])),
  }
}

/** Pushes over the Distribution API as any client does. */
export async function pushImage(
  url: string,
  authorization: string,
  name: string,
  tag: string,
  image: Made,
): Promise<void> {
  for (const [digest, body] of image.blobs) {
    const opened = await fetch(`${url}/v2/${name}/blobs/uploads/`, {
      method: 'POST',
      headers: { authorization },
    })
    if (opened.status !== 202) throw new Error(`an upload to ${name} was answered ${opened.status}`)
    const target = new URL(opened.headers.get('location') ?? '', url)
    target.searchParams.set('digest', digest)
    const put = await fetch(target, {
      method: 'PUT',
      headers: { authorization, 'content-type': 'application/octet-stream' },
      body: new Uint8Array(body),
    })
    if (put.status !== 201) throw new Error(`a blob of ${name} was answered ${put.status}`)
  }
  const put = await fetch(`${url}/v2/${name}/manifests/${tag}`, {
    method: 'PUT',
    headers: { authorization, 'content-type': IMAGE },
    body: image.manifest,
  })
  if (put.status !== 201) throw new Error(`${name}:${tag} was answered ${put.status}: ${await put.text()}`)
}
