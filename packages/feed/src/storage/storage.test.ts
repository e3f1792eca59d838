import { mkdtemp, readdir, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { all, blobStorageContract, of, refusal } from './contract-test.ts'
import { folderStorage } from './folder.ts'
import { memoryStorage } from './memory.ts'
import { newStorageKey } from './key.ts'

let root: string

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'sluice-storage-'))
})
afterAll(() => rm(root, { recursive: true }))

blobStorageContract('folder', () => folderStorage(root))
blobStorageContract('memory', memoryStorage)

describe('folderStorage', () => {
  it('shows no key before it is complete, and leaves nothing behind', async () => {
    const folder = await mkdtemp(join(root, 'one-'))
    const storage = folderStorage(folder)
    const key = newStorageKey()
    await storage.append(key, 0, of('abc'))
    expect(await readdir(folder)).toEqual(['uploads'])
    await storage.seal(key, 3)
    expect(await readdir(join(folder, 'uploads'))).toEqual([])
    await storage.remove(key)
    await expect(all(storage.read(key, { start: 0, end: 2 }))).rejects.toEqual(refusal('BLOB_MISSING'))
  })

  it('says that a file was cut short before it gives a byte of it', async () => {
    const folder = await mkdtemp(join(root, 'two-'))
    const storage = folderStorage(folder)
    const key = newStorageKey()
    await storage.append(key, 0, of('abcdef'))
    await storage.seal(key, 6)
    await truncate(join(folder, key), 3)
    const first = storage.read(key, { start: 0, end: 5 })[Symbol.asyncIterator]().next()
    await expect(first).rejects.toEqual(refusal('BLOB_MISSING'))
  })

  it('reports what the file system refuses', async () => {
    const file = join(root, 'a-file')
    await writeFile(file, '')
    await expect(folderStorage(file).append(newStorageKey(), 0, of('x'))).rejects.toMatchObject({
      code: 'ENOTDIR',
    })
  })
})
