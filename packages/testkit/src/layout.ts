import fs from 'node:fs'
import path from 'node:path'
import { digestOf, OCI_EMPTY, OCI_INDEX, OCI_MANIFEST } from '@sluice/oci'

/** Content by its digest. */
export type LayoutBlob = { readonly digest: string; readonly bytes: Buffer }

/** A manifest or index with all that it reaches: same input, same bytes. */
export type LayoutImage = LayoutManifest & {
  /** What the manifest links to, manifests of an index included. */
  readonly blobs: readonly LayoutBlob[]
}

type LayoutManifest = { readonly digest: string; readonly manifest: Buffer }

/** The same image for another architecture: another config, the same layers. */
export function onArchitecture(image: LayoutImage, architecture: string): LayoutImage {
  const document = parse(image.manifest)
  const config = image.blobs.find(({ digest }) => digest === document.config.digest)
  if (config === undefined) throw new Error(`${image.digest} has no config among its blobs`)
  const other = blob(json({ ...parse(config.bytes), architecture }))
  const manifest = json({
    ...document,
    config: { ...document.config, digest: other.digest, size: other.bytes.length },
  })
  const blobs = image.blobs.map((each) => (each === config ? other : each))
  return { digest: digestOf(manifest), manifest, blobs }
}

/** An index over images for linux, by architecture (image specification: image index). */
export function indexOf(images: Readonly<Record<string, LayoutImage>>): LayoutImage {
  const entries = Object.entries(images)
  const manifests = entries.map(([architecture, image]) => ({
    ...describe(image),
    platform: { architecture, os: 'linux' },
  }))
  const manifest = json({ schemaVersion: 2, mediaType: OCI_INDEX, manifests })
  const blobs = entries.flatMap(([, { digest, manifest, blobs }]) => [...blobs, { digest, bytes: manifest }])
  return { digest: digestOf(manifest), manifest, blobs: unique(blobs) }
}

/** An artifact of one text that refers to `subject` (image specification: guidelines for artifact usage). */
export function referrerTo(subject: LayoutManifest, artifactType: string, text: string): LayoutImage {
  const [config, layer] = [blob(Buffer.from('{}')), blob(Buffer.from(text))]
  const manifest = json({
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    artifactType,
    config: { mediaType: OCI_EMPTY, digest: config.digest, size: config.bytes.length },
    layers: [{ mediaType: artifactType, digest: layer.digest, size: layer.bytes.length }],
    subject: describe(subject),
  })
  return { digest: digestOf(manifest), manifest, blobs: [config, layer] }
}

/** Writes images by their tags as an OCI image layout; `folder` is made. */
export function writeLayout(folder: string, images: Readonly<Record<string, LayoutImage>>): void {
  const write = ({ digest, bytes }: LayoutBlob): void => {
    const file = path.join(folder, 'blobs', ...digest.split(':'))
    fs.mkdirSync(path.dirname(file), { recursive: true })
    fs.writeFileSync(file, bytes)
  }
  for (const { digest, manifest, blobs } of Object.values(images)) {
    for (const each of [...blobs, { digest, bytes: manifest }]) write(each)
  }
  const manifests = Object.entries(images).map(([tag, image]) => ({
    ...describe(image),
    annotations: { 'org.opencontainers.image.ref.name': tag },
  }))
  fs.writeFileSync(path.join(folder, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}')
  fs.writeFileSync(
    path.join(folder, 'index.json'),
    json({ schemaVersion: 2, mediaType: OCI_INDEX, manifests }),
  )
}

const json = (value: object): Buffer => Buffer.from(JSON.stringify(value))
const parse = (bytes: Buffer) => JSON.parse(bytes.toString())
const blob = (bytes: Buffer): LayoutBlob => ({ digest: digestOf(bytes), bytes })

function describe({ digest, manifest }: LayoutManifest) {
  const { mediaType }: { mediaType: string } = parse(manifest)
  return { mediaType, digest, size: manifest.length }
}

const unique = (blobs: readonly LayoutBlob[]): LayoutBlob[] => [
  ...new Map(blobs.map((each) => [each.digest, each])).values(),
]
