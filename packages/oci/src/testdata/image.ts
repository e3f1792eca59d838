import { randomBytes } from 'node:crypto'
import { OCI_CONFIG, OCI_INDEX, OCI_LAYER, OCI_MANIFEST } from '../descriptor.ts'
import { type FakeRegistry, sha256 } from './registry.ts'

export interface Link {
  mediaType: string
  digest: string
  size: number
}

export function storeBlob(at: FakeRegistry, name: string, bytes: Buffer, mediaType = OCI_LAYER): Link {
  at.blobs.set(`${name} ${sha256(bytes)}`, bytes)
  return { mediaType, digest: sha256(bytes), size: bytes.length }
}

export function storeManifest(at: FakeRegistry, name: string, mediaType: string, fields: object, tag?: string): Link {
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, ...fields }))
  const digest = sha256(bytes)
  for (const reference of tag === undefined ? [digest] : [digest, tag]) {
    at.manifests.set(`${name} ${reference}`, { type: mediaType, bytes })
  }
  return { mediaType, digest, size: bytes.length }
}

/** An image with layers of these sizes in random bytes. */
export function storeImage(at: FakeRegistry, name: string, sizes: readonly number[], fields: object = {}, tag?: string): Link & { layers: Link[] } {
  const layers = sizes.map((size) => storeBlob(at, name, randomBytes(size)))
  const config = storeBlob(at, name, randomBytes(64), OCI_CONFIG)
  return { ...storeManifest(at, name, OCI_MANIFEST, { config, layers, ...fields }, tag), layers }
}

export function storeIndex(at: FakeRegistry, name: string, manifests: readonly Link[], tag?: string): Link {
  const plain = manifests.map(({ mediaType, digest, size }) => ({ mediaType, digest, size }))
  return storeManifest(at, name, OCI_INDEX, { manifests: plain }, tag)
}
