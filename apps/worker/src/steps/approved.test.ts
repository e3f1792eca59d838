import { digestOf, OCI_CONFIG, OCI_EMPTY, OCI_LAYER, OCI_MANIFEST } from '@sluice/oci'
import type { RunItem, RunMember } from '@sluice/store'
import { expect, test } from 'vitest'
import { readApproved } from './approved.ts'
import type { StepContext } from './step.ts'

const bytes = new Map<string, Uint8Array>()

function blob(mediaType: string, content: string): RunMember {
  return { kind: 'blob', mediaType, digest: digestOf(Buffer.from(content)), size: content.length }
}

function manifest(config: RunMember, layer: RunMember, subject?: RunMember): RunMember {
  const descriptor = ({ mediaType, digest, size }: RunMember) => ({ mediaType, digest, size })
  const written = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: OCI_MANIFEST,
      ...(subject && { artifactType: 'application/x', subject: descriptor(subject) }),
      config: descriptor(config),
      layers: [descriptor(layer)],
    }),
  )
  const digest = digestOf(written)
  bytes.set(digest, written)
  return { kind: 'manifest', mediaType: OCI_MANIFEST, digest, size: written.length }
}

const [config, layer] = [blob(OCI_CONFIG, '{}{}'), blob(OCI_LAYER, 'layer')]
const [empty, signature] = [blob(OCI_EMPTY, '{}'), blob('application/x', 'signature')]
const image = manifest(config, layer)
const referrer = manifest(empty, signature, image)
const whole = [config, layer, empty, signature, referrer, image]

/** The roots that are walked, of what was approved. */
async function roots(closure: readonly RunMember[]): Promise<string[]> {
  const item = {
    position: 0,
    digest: image.digest,
    mediaType: OCI_MANIFEST,
    target: { repository: 'app' },
    closure,
  }
  const runs = { readManifest: async (digest: string) => bytes.get(digest) ?? null }
  const context = { runs, signal: new AbortController().signal }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the parts of them that are looked at
  const trees = await readApproved(item as unknown as RunItem, context as unknown as StepContext)
  return trees.map(({ root }) => root.digest)
}

test('what refers to the image is walked as its own root', async () => {
  expect(await roots(whole)).toEqual([image.digest, referrer.digest])
})

test.each<[string, readonly RunMember[], RegExp]>([
  ['a blob of a referrer that was not approved', whole.filter((each) => each !== signature), /is needed/],
  ['a blob that nothing links', whole.filter((each) => each !== referrer), /nothing in the image links it/],
])('%s is refused', async (_, closure, said) => {
  await expect(roots(closure)).rejects.toMatchObject({
    code: 'closure_incomplete',
    message: expect.stringMatching(said),
  })
})
