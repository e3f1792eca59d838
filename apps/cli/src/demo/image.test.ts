import { execFileSync } from 'node:child_process'
import { gunzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { buildImage, sha256 } from './image.ts'
import { tar } from './tar.ts'

test('the same text gives the same image, another text another one', () => {
  expect(buildImage('a\n')).toEqual(buildImage('a\n'))
  expect(buildImage('a\n').digest).not.toBe(buildImage('b\n').digest)
})

test('every digest and size in the manifest is of the bytes', () => {
  const { manifest, digest, blobs } = buildImage('hello\n')
  const { config, layers } = JSON.parse(manifest.toString())
  expect(digest).toBe(sha256(manifest))
  for (const { digest, size } of [config, ...layers]) {
    const found = blobs.find((blob) => blob.digest === digest)
    expect(found && { digest: sha256(found.bytes), size: found.bytes.length }).toEqual({ digest, size })
  }
  const [layer, configBlob] = blobs
  const { rootfs } = JSON.parse(String(configBlob?.bytes))
  expect(rootfs.diff_ids).toEqual([sha256(gunzipSync(layer?.bytes ?? Buffer.alloc(0)))])
})

test.each([0, 1, 512, 513])('tar reads back a file of %i bytes', (size) => {
  const text = 'x'.repeat(size)
  const archive = tar({ 'hello.txt': text })
  expect(archive.length % 512).toBe(0)
  expect(execFileSync('tar', ['-xO', 'hello.txt'], { input: archive, encoding: 'utf8' })).toBe(text)
})
