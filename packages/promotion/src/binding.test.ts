import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { type BoundItem, type BoundRequest, boundHash, closureHash, setDigest } from './index.ts'

const item: BoundItem = {
  position: 0,
  sourceRepositoryId: '018f0000-0000-7000-8000-000000000001',
  digest: `sha256:${'a'.repeat(64)}`,
  mediaType: 'application/vnd.oci.image.manifest.v1+json',
  targetRepository: 'app',
  closure: [
    {
      kind: 'manifest',
      digest: `sha256:${'a'.repeat(64)}`,
      size: 10,
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
    },
    { kind: 'blob', digest: `sha256:${'b'.repeat(64)}`, size: 20, mediaType: 'application/octet-stream' },
  ],
  tags: [
    { tag: '1.0.0', expected: null },
    { tag: 'latest', expected: `sha256:${'c'.repeat(64)}` },
  ],
}
const request: BoundRequest = {
  requestId: 'r',
  laneId: 'l',
  laneVersion: 1,
  policyHash: 'p',
  setDigest: setDigest([item]),
  kind: 'promote',
  recallId: null,
}

test('the form is for ever: golden values', () => {
  expect(closureHash(item.closure)).toMatchInlineSnapshot(
    `"55d0e29e4a3273aa1c909fcab9344d3e82a457b134b28b6030c41dbf2fe5189c"`,
  )
  expect(setDigest([item])).toMatchInlineSnapshot(
    `"sha256:7f11d81fc58903920cd3c7e5da36df5e3d12c12ec3c74cc78c7c32c43c2457c1"`,
  )
  expect(boundHash(request)).toMatchInlineSnapshot(
    `"a2788db36251ec1c8b0e7f579b2ee2b641b8d2f8f8668e4d7914bc65d94ba419"`,
  )
})

test('order of members, tags and items does not matter; positions do', () => {
  const shuffled = { ...item, closure: item.closure.toReversed(), tags: item.tags.toReversed() }
  const second = { ...item, position: 1 }
  expect(setDigest([second, shuffled])).toBe(setDigest([item, second]))
  expect(setDigest([second])).not.toBe(setDigest([item]))
})

test('every bound field changes the hash', () => {
  const [manifest, blob] = item.closure
  if (manifest === undefined || blob === undefined) throw new Error('the item has two members')
  const changed: BoundItem[] = [
    { ...item, sourceRepositoryId: 'x' },
    { ...item, digest: 'x' },
    { ...item, mediaType: 'x' },
    { ...item, targetRepository: 'x' },
    { ...item, closure: [manifest] },
    { ...item, closure: [manifest, { ...blob, size: 21 }] },
    { ...item, closure: [manifest, { ...blob, mediaType: 'x' }] },
    { ...item, closure: [manifest, { ...blob, kind: 'manifest' }] },
    { ...item, tags: item.tags.slice(1) },
    { ...item, tags: item.tags.map((tag) => ({ ...tag, expected: 'x' })) },
  ]
  expect(new Set([item, ...changed].map((one) => setDigest([one]))).size).toBe(changed.length + 1)
  const keys = ['requestId', 'laneId', 'policyHash', 'setDigest'] as const
  const hashes = [
    boundHash(request),
    boundHash({ ...request, laneVersion: 2 }),
    boundHash({ ...request, kind: 'rollback' }),
    boundHash({ ...request, kind: 'restore', recallId: 'a' }),
    boundHash({ ...request, kind: 'restore', recallId: 'b' }),
    ...keys.map((key) => boundHash({ ...request, [key]: 'x' })),
  ]
  expect(new Set(hashes).size).toBe(hashes.length)
})

test('digests sort by bytes, whatever the locale', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.stringMatching(/^[a-z0-9:_.A-Z-]{1,12}$/), { maxLength: 6 }), (digests) => {
      const members = digests.map((digest) => ({ kind: 'blob' as const, digest, size: 1, mediaType: 'm' }))
      expect(closureHash(members)).toBe(closureHash(members.toReversed()))
    }),
  )
})
