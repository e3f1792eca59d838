import { mkdtemp, open, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { appendBatches } from './append-batches.ts'

const MIB = 1024 * 1024
let root: string
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'sluice-append-'))
})
afterAll(() => rm(root, { recursive: true }))

async function* of(count: number, size = MIB) {
  for (let n = 0; n < count; n++) yield Buffer.alloc(size, n)
}

describe('chunks in batches', () => {
  it('are told of once they are written, each once and in order', async () => {
    const path = join(root, 'told')
    await using file = await open(path, 'w')
    const told: number[] = []
    const size = await appendBatches(file, 0, of(40, MIB / 2), (chunk) => {
      told.push(chunk[0] ?? -1)
      chunk.fill(255)
    })
    expect(size).toBe(20 * MIB)
    expect(told).toEqual(Array.from({ length: 40 }, (_, n) => n))
    const stored = await readFile(path)
    const kept = Array.from({ length: 40 }, (_, n) => stored.subarray((n * MIB) / 2, ((n + 1) * MIB) / 2))
    expect(kept.every((part, n) => part.equals(Buffer.alloc(MIB / 2, n)))).toBe(true)
  })

  it('fail where the disk says so while they still arrive, since it says so once', async () => {
    await using file = await open(join(root, 'failing'), 'w')
    file.datasync = async () => {
      throw new Error('EIO: i/o error, fdatasync')
    }
    await expect(appendBatches(file, 0, of(20))).rejects.toThrow('EIO')
  })
})
