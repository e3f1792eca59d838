import { describe, expect, test } from 'vitest'
import { NON_DISTRIBUTABLE_LAYERS, OCI_CONFIG, OCI_INDEX, OCI_LAYER, OCI_MANIFEST } from './descriptor.ts'
import { digestOf } from './digest.ts'
import { GRAPH_DEPTH_LIMIT, GRAPH_NODE_LIMIT, walkClosure } from './graph.ts'
import { parseManifest } from './manifest.ts'

interface Link {
  mediaType: string
  digest: string
  size: number
}

/** A registry in memory: bytes by digest, read as the walk asks for them. */
class Shelf {
  readonly manifests = new Map<string, Uint8Array>()
  reads: string[] = []

  add(mediaType: string, fields: object): Link {
    const bytes = new TextEncoder().encode(JSON.stringify({ schemaVersion: 2, ...fields }))
    const digest = digestOf(bytes)
    this.manifests.set(digest, bytes)
    return { mediaType, digest, size: bytes.length }
  }

  image(name: string, layers: Link[] = [], more = {}): Link {
    return this.add(OCI_MANIFEST, { config: blob(`config of ${name}`, OCI_CONFIG), layers, ...more })
  }

  index(manifests: Link[], more = {}): Link {
    return this.add(OCI_INDEX, { manifests, ...more })
  }

  walk(root: Link) {
    this.reads = []
    return walkClosure(root, async (digest, mediaType) => {
      this.reads.push(digest)
      const bytes = this.manifests.get(digest)
      return bytes === undefined ? null : parseManifest(bytes, mediaType)
    })
  }
}

function blob(content: string, mediaType = OCI_LAYER): Link {
  const bytes = new TextEncoder().encode(content)
  return { mediaType, digest: digestOf(bytes), size: bytes.length }
}

const coded = (code: string) => expect.objectContaining({ code })

test('children first, root last, each once', async () => {
  const shelf = new Shelf()
  const shared = blob('shared')
  const own = blob('own')
  const amd = shelf.image('amd', [shared])
  const arm = shelf.image('arm', [shared, own])
  const inner = shelf.index([arm, amd])
  const root = shelf.index([amd, inner, amd], { subject: blob('a subject is not followed', OCI_MANIFEST) })
  const closure = await shelf.walk(root)
  const node = (link: Link, kind: string) => ({ ...link, kind, distributable: true })
  expect(closure).toEqual([
    node(blob('config of amd', OCI_CONFIG), 'blob'),
    node(shared, 'blob'),
    node(amd, 'manifest'),
    node(blob('config of arm', OCI_CONFIG), 'blob'),
    node(own, 'blob'),
    node(arm, 'manifest'),
    node(inner, 'manifest'),
    node(root, 'manifest'),
  ])
  expect(shelf.reads.toSorted()).toEqual([amd, arm, inner, root].map(({ digest }) => digest).toSorted())
})

test('an empty index is its own closure', async () => {
  const shelf = new Shelf()
  const root = shelf.index([])
  expect(await shelf.walk(root)).toEqual([{ ...root, kind: 'manifest', distributable: true }])
})

test('a digest linked as manifest and as layer is needed as both', async () => {
  const shelf = new Shelf()
  const inner = shelf.image('inner')
  const outer = shelf.image('outer', [{ ...inner, mediaType: OCI_LAYER }])
  const closure = await shelf.walk(shelf.index([inner, outer]))
  expect(closure.filter(({ digest }) => digest === inner.digest).map(({ kind }) => kind)).toEqual([
    'manifest',
    'blob',
  ])
})

test.each([
  ['one foreign link', [true], false],
  ['a foreign link, then a plain one', [true, false], true],
  ['a plain link, then a foreign one', [false, true], true],
])('%s', async (_, foreign, distributable) => {
  const shelf = new Shelf()
  const layers = foreign.map((is) => blob('base', is ? NON_DISTRIBUTABLE_LAYERS[0] : OCI_LAYER))
  const closure = await shelf.walk(shelf.image('a', layers))
  expect(closure.find(({ digest }) => digest === blob('base').digest)).toMatchObject({
    kind: 'blob',
    distributable,
  })
})

describe('refuses', () => {
  test('a root or a child that is not there, by name', async () => {
    const shelf = new Shelf()
    const absent = { mediaType: OCI_MANIFEST, digest: blob('absent').digest, size: 6 }
    await expect(shelf.walk(absent)).rejects.toThrow(coded('MANIFEST_UNKNOWN'))
    await expect(shelf.walk(shelf.index([shelf.image('there'), absent]))).rejects.toThrow(
      coded('MANIFEST_UNKNOWN'),
    )
    await expect(shelf.walk(shelf.index([absent]))).rejects.toThrow(absent.digest)
  })

  test('bytes that are not what the digest names', async () => {
    const shelf = new Shelf()
    const one = shelf.image('one')
    const other = shelf.image('two')
    shelf.manifests.set(one.digest, shelf.manifests.get(other.digest) ?? new Uint8Array())
    await expect(shelf.walk(shelf.index([one]))).rejects.toThrow(coded('DIGEST_MISMATCH'))
  })

  test('a manifest that is its own child, which only a wrong reader can give', async () => {
    const shelf = new Shelf()
    const root = shelf.index([])
    shelf.manifests.set(
      root.digest,
      new TextEncoder().encode(JSON.stringify({ schemaVersion: 2, manifests: [root] })),
    )
    await expect(shelf.walk(root)).rejects.toThrow(coded('DIGEST_MISMATCH'))
  })

  test('sizes that disagree', async () => {
    const shelf = new Shelf()
    const image = shelf.image('a', [blob('layer')])
    const larger = { ...image, size: image.size + 1 }
    await expect(shelf.walk(shelf.index([larger]))).rejects.toThrow(coded('SIZE_INVALID'))
    await expect(shelf.walk(shelf.index([image, larger]))).rejects.toThrow(coded('SIZE_INVALID'))
    const layers = [blob('layer'), { ...blob('layer'), size: 1 }]
    await expect(shelf.walk(shelf.image('b', layers))).rejects.toThrow(coded('SIZE_INVALID'))
  })

  test('one manifest under two media types', async () => {
    const shelf = new Shelf()
    const image = shelf.index([])
    const root = shelf.index([image, { ...image, mediaType: OCI_MANIFEST }])
    await expect(shelf.walk(root)).rejects.toThrow(coded('MANIFEST_INVALID'))
  })

  test('a reader that answers with another media type', async () => {
    const shelf = new Shelf()
    const root = shelf.index([])
    const bytes = shelf.manifests.get(root.digest) ?? new Uint8Array()
    const walk = walkClosure({ ...root, mediaType: OCI_MANIFEST }, async () =>
      parseManifest(bytes, OCI_INDEX),
    )
    await expect(walk).rejects.toThrow(coded('MANIFEST_INVALID'))
  })

  test('one level too many, also where every level is linked from the root', async () => {
    const shelf = new Shelf()
    let top = shelf.image('bottom')
    const levels = [top]
    while (levels.length < GRAPH_DEPTH_LIMIT) {
      top = shelf.index([top])
      levels.unshift(top)
    }
    expect((await shelf.walk(top)).at(-1)).toMatchObject({ digest: top.digest })
    await expect(shelf.walk(shelf.index([top]))).rejects.toThrow(coded('GRAPH_TOO_DEEP'))
    await expect(shelf.walk(shelf.index(levels))).rejects.toThrow(coded('GRAPH_TOO_DEEP'))
    await expect(shelf.walk(shelf.index(levels.toReversed()))).rejects.toThrow(coded('GRAPH_TOO_DEEP'))
  })

  test('one node too many', async () => {
    const shelf = new Shelf()
    const layers = Array.from({ length: GRAPH_NODE_LIMIT - 1 }, (_, i) => ({
      mediaType: OCI_LAYER,
      digest: `sha256:${i.toString(16).padStart(64, '0')}`,
      size: 1,
    }))
    // Manifest, config and the layers: exactly the limit, then one more.
    expect(await shelf.walk(shelf.image('full', layers.slice(1)))).toHaveLength(GRAPH_NODE_LIMIT)
    await expect(shelf.walk(shelf.image('over', layers))).rejects.toThrow(coded('GRAPH_TOO_LARGE'))
  })

  test('more bytes of manifests than one image has', async () => {
    const shelf = new Shelf()
    const images = Array.from({ length: 17 }, (_, i) => shelf.image(`${i}`, [], { x: 'x'.repeat(4_000_000) }))
    expect(await shelf.walk(shelf.index(images.slice(1)))).toHaveLength(33)
    await expect(shelf.walk(shelf.index(images))).rejects.toThrow(coded('GRAPH_TOO_LARGE'))
  })

  test('an error of the reader, as it is', async () => {
    const broken = new Error('the connection was lost')
    const root = { digest: blob('x').digest, mediaType: OCI_INDEX }
    await expect(walkClosure(root, () => Promise.reject(broken))).rejects.toBe(broken)
  })
})
