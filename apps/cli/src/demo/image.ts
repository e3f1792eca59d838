import { createHash } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { tar } from './tar.ts'

export type Blob = { readonly digest: string; readonly bytes: Buffer }
export type Image = { readonly digest: string; readonly manifest: Buffer; readonly blobs: readonly Blob[] }

export const manifestType = 'application/vnd.oci.image.manifest.v1+json'

export const sha256 = (bytes: Uint8Array): string =>
  `sha256:${createHash('sha256').update(bytes).digest('hex')}`

/** A one-layer image that holds `/hello.txt` (OCI image specification: config, layer, manifest). */
export function buildImage(hello: string): Image {
  const archive = tar({ 'hello.txt': hello })
  const layer = blob(gzip(archive))
  const config = blob(
    json({
      architecture: 'amd64',
      os: 'linux',
      config: { Cmd: ['/hello.txt'] },
      rootfs: { type: 'layers', diff_ids: [sha256(archive)] },
    }),
  )
  const describe = (mediaType: string, { digest, bytes }: Blob) => ({ mediaType, digest, size: bytes.length })
  const manifest = json({
    schemaVersion: 2,
    mediaType: manifestType,
    config: describe('application/vnd.oci.image.config.v1+json', config),
    layers: [describe('application/vnd.oci.image.layer.v1.tar+gzip', layer)],
  })
  return { digest: sha256(manifest), manifest, blobs: [layer, config] }
}

const blob = (bytes: Buffer): Blob => ({ digest: sha256(bytes), bytes })
const json = (value: object): Buffer => Buffer.from(JSON.stringify(value))

/** gzip without what differs between machines: zlib writes no time, and the system's byte is set to unknown. */
function gzip(bytes: Buffer): Buffer {
  const packed = gzipSync(bytes, { level: 9 })
  packed[9] = 255
  return packed
}
