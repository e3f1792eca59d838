import { digestOf, OCI_CONFIG, OCI_EMPTY, OCI_LAYER, OCI_MANIFEST } from '@sluice/oci'
import { expect, test } from 'vitest'
import type { StepContext } from './step.ts'
import { verify } from './verify.ts'

type Member = StepContext['run']['items'][number]['closure'][number]

const bytes = new Map<string, Uint8Array>()

function blob(mediaType: string, content: string): Member {
  return { kind: 'blob', mediaType, digest: digestOf(Buffer.from(content)), size: content.length }
}

function manifest(config: Member, layer: Member, subject?: Member): Member {
  const descriptor = ({ mediaType, digest, size }: Member) => ({ mediaType, digest, size })
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

/** The step over these members; `lost` are blobs that are no longer stored. */
async function verified(closure: readonly Member[], lost: readonly Member[] = []): Promise<string[]> {
  const marked: string[] = []
  const blobs = closure.filter(({ kind }) => kind === 'blob')
  const runs = {
    readManifest: async (digest: string) => bytes.get(digest) ?? null,
    blobs: async () =>
      new Map(
        blobs
          .filter((each) => !lost.includes(each))
          .map(({ digest, size }) => [digest, { digest, size, quarantined: false, storageKey: digest }]),
      ),
    markVerified: async (_run: unknown, _position: number, digests: readonly string[]) => {
      marked.push(...digests)
    },
  }
  const item = {
    position: 0,
    digest: image.digest,
    mediaType: OCI_MANIFEST,
    source: { feedId: 'dev', feed: 'dev', repository: 'app', remote: false },
    target: { feedId: 'trusted', feed: 'trusted', repository: 'app', remote: false },
    closure,
  }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the part of it that this step looks at
  const context = {
    runs,
    run: { items: [item] },
    signal: new AbortController().signal,
  } as unknown as StepContext
  await verify.perform(context)
  return marked
}

test('what refers to the image is verified as its own root', async () => {
  expect(await verified(whole)).toEqual(whole.map(({ digest }) => digest))
})

test.each<[string, readonly Member[], readonly Member[], RegExp]>([
  ['a blob of a referrer that was not approved', whole.filter((each) => each !== signature), [], /is needed/],
  ['a blob of a referrer that is lost', whole, [signature], /no longer stored/],
  [
    'a blob that nothing links',
    whole.filter((each) => each !== referrer),
    [],
    /nothing in the image links it/,
  ],
])('%s is refused', async (_, closure, lost, said) => {
  await expect(verified(closure, lost)).rejects.toMatchObject({
    code: 'closure_incomplete',
    message: expect.stringMatching(said),
  })
})
