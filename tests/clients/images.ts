import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { indexOf, type LayoutImage, onArchitecture, referrerTo, writeLayout } from '@sluice/testkit'
import { buildImage } from '../../apps/cli/src/demo/image.ts'

/** What clients that read OCI layouts push, by the names of `layouts`. */
export const image: LayoutImage = buildImage('Hello from a client\n')
export const index: LayoutImage = indexOf({ amd64: image, arm64: onArchitecture(image, 'arm64') })
export const referrer: LayoutImage = referrerTo(image, 'application/vnd.example.sbom', 'what is inside\n')

/** The image's layer as a gzipped tar archive. */
export const layer: Buffer = image.blobs[0]?.bytes ?? Buffer.alloc(0)

/** Writes each as an OCI layout of its own, tagged `v1`, in `<folder>/<name>`. */
export function writeLayouts(folder: string): void {
  for (const [name, content] of Object.entries({ image, index, referrer })) {
    writeLayout(path.join(folder, name), { v1: content })
  }
}

/** The digest of the image in a layout, the one tagged `v1` of several, once all below it was found and hashed. */
export function pulledDigest(layout: string): string {
  const { manifests }: { manifests: { digest: string; annotations?: Record<string, string> }[] } = JSON.parse(
    fs.readFileSync(path.join(layout, 'index.json'), 'utf8'),
  )
  const tagged = manifests.filter(
    ({ annotations }) => annotations?.['org.opencontainers.image.ref.name'] === 'v1',
  )
  const [root, ...others] = tagged.length > 0 ? tagged : manifests
  if (root === undefined || others.length > 0) throw new Error(`${layout} does not hold one image`)
  walk(layout, root.digest)
  return root.digest
}

function walk(layout: string, digest: string): void {
  const bytes = fs.readFileSync(path.join(layout, 'blobs', ...digest.split(':')))
  if (sha256(bytes) !== digest) throw new Error(`${layout} holds other bytes under ${digest}`)
  if (bytes[0] !== '{'.charCodeAt(0)) return
  const { config, layers = [], manifests = [] } = JSON.parse(bytes.toString())
  for (const link of [config, ...layers, ...manifests]) if (link?.digest) walk(layout, link.digest)
}

export const sha256 = (bytes: Uint8Array): string =>
  `sha256:${createHash('sha256').update(bytes).digest('hex')}`
