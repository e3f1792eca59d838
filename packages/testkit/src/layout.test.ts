import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { digestOf, OCI_CONFIG, OCI_LAYER, OCI_MANIFEST, parseManifest, successors } from '@sluice/oci'
import { expect, onTestFinished, test } from 'vitest'
import { indexOf, type LayoutImage, onArchitecture, referrerTo, writeLayout } from './layout.ts'

const bytesOf = (value: object): Buffer => Buffer.from(JSON.stringify(value))
const blob = (bytes: Buffer) => ({ digest: digestOf(bytes), bytes })
const [config, layer] = [blob(bytesOf({ architecture: 'amd64', os: 'linux' })), blob(Buffer.from('a layer'))]
const manifest = bytesOf({
  schemaVersion: 2,
  mediaType: OCI_MANIFEST,
  config: { mediaType: OCI_CONFIG, digest: config.digest, size: config.bytes.length },
  layers: [{ mediaType: OCI_LAYER, digest: layer.digest, size: layer.bytes.length }],
})
const image: LayoutImage = { digest: digestOf(manifest), manifest, blobs: [layer, config] }
const arm = onArchitecture(image, 'arm64')
const index = indexOf({ amd64: image, arm64: arm })
const referrer = referrerTo(image, 'application/vnd.example.sbom', 'what is inside')

test.each<[string, LayoutImage]>([
  ['an image for another architecture', arm],
  ['an index', index],
  ['a referrer', referrer],
])('%s holds all that it links to, under the right digests and sizes', (_, { digest, manifest, blobs }) => {
  expect(digest).toBe(digestOf(manifest))
  const present = blobs.map(({ bytes }) => ({ digest: digestOf(bytes), size: bytes.length }))
  expect(present.map(({ digest }) => digest)).toEqual(blobs.map(({ digest }) => digest))
  const { mediaType } = JSON.parse(manifest.toString())
  for (const { kind, descriptor } of successors(parseManifest(manifest, mediaType))) {
    if (kind === 'subject') continue
    expect(present).toContainEqual({ digest: descriptor.digest, size: descriptor.size })
  }
})

test('architectures share layers and differ in their config', () => {
  expect(arm.digest).not.toBe(image.digest)
  expect(arm.blobs[0]).toBe(layer)
  expect(JSON.parse(String(arm.blobs[1]?.bytes))).toEqual({ architecture: 'arm64', os: 'linux' })
  const { manifests } = JSON.parse(index.manifest.toString())
  expect(manifests).toMatchObject([
    { digest: image.digest, platform: { architecture: 'amd64', os: 'linux' } },
    { digest: arm.digest, platform: { architecture: 'arm64', os: 'linux' } },
  ])
})

test('a referrer names its subject and type', () => {
  expect(JSON.parse(referrer.manifest.toString())).toMatchObject({
    artifactType: 'application/vnd.example.sbom',
    subject: { mediaType: OCI_MANIFEST, digest: image.digest, size: image.manifest.length },
  })
})

test('a layout holds every blob under its digest, and its images by their tags', () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'sluice-layout-'))
  onTestFinished(() => fs.rmSync(folder, { recursive: true }))
  writeLayout(folder, { v1: index, sbom: referrer })
  const names = fs.readdirSync(path.join(folder, 'blobs/sha256'))
  expect(names.length).toBe(new Set([...index.blobs, ...referrer.blobs]).size + 2)
  for (const name of names) {
    expect(digestOf(fs.readFileSync(path.join(folder, 'blobs/sha256', name)))).toBe(`sha256:${name}`)
  }
  const { manifests } = JSON.parse(fs.readFileSync(path.join(folder, 'index.json'), 'utf8'))
  expect(manifests).toMatchObject([
    { digest: index.digest, annotations: { 'org.opencontainers.image.ref.name': 'v1' } },
    { digest: referrer.digest, annotations: { 'org.opencontainers.image.ref.name': 'sbom' } },
  ])
})
