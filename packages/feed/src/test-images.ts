import { digestOf, OCI_CONFIG, OCI_INDEX, OCI_LAYER, OCI_MANIFEST } from '@sluice/oci'

/** Bytes with their digest, as a test pushes them. */
export interface TestBlob {
  readonly bytes: Buffer
  readonly digest: string
  readonly size: number
}

export interface TestManifest extends TestBlob {
  readonly mediaType: string
}

export function testBlob(content: string | Buffer, algorithm: 'sha256' | 'sha512' = 'sha256'): TestBlob {
  const bytes = Buffer.from(content)
  return { bytes, digest: digestOf(bytes, algorithm), size: bytes.length }
}

export function testManifest(mediaType: string, document: object): TestManifest {
  return { mediaType, ...testBlob(JSON.stringify({ schemaVersion: 2, mediaType, ...document })) }
}

export const CONFIG = testBlob('{"architecture":"amd64","os":"linux"}')
export const LAYER = testBlob('a layer of a test image')

const configLink = { mediaType: OCI_CONFIG, digest: CONFIG.digest, size: CONFIG.size }
const layerLink = { mediaType: OCI_LAYER, digest: LAYER.digest, size: LAYER.size }

/** An image of CONFIG and LAYER; `fields` tell one from another. */
export function testImage(fields: object = {}): TestManifest {
  return testManifest(OCI_MANIFEST, { config: configLink, layers: [layerLink], ...fields })
}

export function testIndex(children: readonly TestManifest[], fields: object = {}): TestManifest {
  return testManifest(OCI_INDEX, { manifests: children.map(linkTo), ...fields })
}

export function linkTo({ mediaType, digest, size }: TestManifest) {
  return { mediaType, digest, size }
}

/** An image that refers to `subject`. */
export function testReferrer(subject: TestManifest, artifactType: string, note = ''): TestManifest {
  return testImage({ subject: linkTo(subject), artifactType, annotations: { note } })
}
