import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { of, refusal } from './contract-test.ts'
import { newStorageKey } from './key.ts'
import { openStorage, parseStorageUrl } from './open.ts'

const plain = { prefix: '', endpoint: null, region: null, pathStyle: false, redirect: false }

it.each([
  ['s3://bucket', { ...plain, bucket: 'bucket' }],
  ['s3://my.bucket/', { ...plain, bucket: 'my.bucket' }],
  ['s3://bucket/a/b/', { ...plain, bucket: 'bucket', prefix: 'a/b/' }],
  [
    's3://bucket/p?endpoint=http://127.0.0.1:7070&region=eu-1&pathStyle=true&redirect=true',
    {
      bucket: 'bucket',
      prefix: 'p/',
      endpoint: 'http://127.0.0.1:7070',
      region: 'eu-1',
      pathStyle: true,
      redirect: true,
    },
  ],
])('reads %s', (url, expected) => {
  expect(parseStorageUrl(url)).toEqual(expected)
})

it.each([
  ['s3:bucket'],
  ['s3://'],
  ['https://bucket/p'],
  ['s3://key:secret@bucket/p'],
  ['s3://bucket:9000/p'],
  ['s3://bucket/a b'],
  ['s3://bucket/p?endpiont=http://x'],
  ['s3://bucket/p?endpoint=x'],
  ['s3://bucket/p?pathStyle=yes'],
])('refuses %s', async (storage) => {
  await expect(openStorage({ dataDir: '/nowhere', storage })).rejects.toEqual(refusal('STORAGE_URL_INVALID'))
})

it('is the folder blobs of the data folder unless a bucket is named', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'sluice-open-'))
  const storage = await openStorage({ dataDir })
  const key = newStorageKey()
  await storage.append(key, 0, of('abc'))
  await storage.seal(key, 3)
  expect((await stat(join(dataDir, 'blobs', key))).size).toBe(3)
  await rm(dataDir, { recursive: true })
})
