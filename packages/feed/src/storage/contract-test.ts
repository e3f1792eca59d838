import { describe, expect, it } from 'vitest'
import { FeedError } from '../errors.ts'
import type { BlobStorage } from '../ports.ts'
import { newStorageKey } from './key.ts'

const MIB = 1024 * 1024

export async function* of(...chunks: (string | Buffer)[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) yield Buffer.from(chunk)
}

export async function all(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const copies: Buffer[] = []
  for await (const chunk of chunks) copies.push(Buffer.from(chunk)) // a chunk's buffer is reused
  return Buffer.concat(copies)
}

export const refusal = (code: string) => expect.objectContaining({ constructor: FeedError, code })

/** What every storage does, as cases of vitest. */
export function blobStorageContract(name: string, make: () => BlobStorage): void {
  describe(`BlobStorage contract: ${name}`, () => {
    it('grows, seals and reads', async () => {
      const storage = make()
      const key = newStorageKey()
      expect(await storage.append(key, 0, of('ab', '', 'c'))).toBe(3)
      expect(await storage.append(key, 3, of('def'))).toBe(6)
      expect((await all(storage.readUnsealed(key, 6))).toString()).toBe('abcdef')
      expect((await all(storage.readUnsealed(key, 5, 2))).toString()).toBe('cde')
      expect((await all(storage.readUnsealed(key, 6, 4))).toString()).toBe('ef')
      expect(await all(storage.readUnsealed(key, 4, 4))).toHaveLength(0)
      await storage.seal(key, 6)
      expect((await all(storage.readUnsealed(key, 5, 2))).toString()).toBe('cde')
      expect((await all(storage.read(key, { start: 1, end: 3 }))).toString()).toBe('bcd')
    })

    it('is not readable before it is sealed', async () => {
      const storage = make()
      const key = newStorageKey()
      await storage.append(key, 0, of('abc'))
      await expect(all(storage.read(key, { start: 0, end: 2 }))).rejects.toEqual(refusal('BLOB_MISSING'))
    })

    it('seals twice, and what nothing was written to; a sealed upload can be hashed again', async () => {
      const storage = make()
      const [empty, key] = [newStorageKey(), newStorageKey()]
      await storage.seal(empty, 0)
      expect(await all(storage.readUnsealed(empty, 0))).toHaveLength(0)
      await storage.append(key, 0, of('abc'))
      await storage.seal(key, 3)
      await storage.seal(key, 3)
      expect((await all(storage.readUnsealed(key, 3))).toString()).toBe('abc')
      expect((await all(storage.read(key, { start: 0, end: 2 }))).toString()).toBe('abc')
    })

    it('cuts what a dead writer left beyond the offset', async () => {
      const storage = make()
      const key = newStorageKey()
      await storage.append(key, 0, of('abcXYZ'))
      expect(await storage.append(key, 3, of('d'))).toBe(4)
      expect((await all(storage.readUnsealed(key, 4))).toString()).toBe('abcd')
      await storage.append(key, 4, of('junk'))
      await storage.seal(key, 4)
      await expect(all(storage.read(key, { start: 0, end: 7 }))).rejects.toEqual(refusal('BLOB_MISSING'))
    })

    it('refuses to append past the end, and to seal more than there is', async () => {
      const storage = make()
      const key = newStorageKey()
      await expect(storage.append(key, 5, of('x'))).rejects.toEqual(refusal('BLOB_MISSING'))
      await storage.append(key, 0, of('abc'))
      await expect(storage.append(key, 5, of('x'))).rejects.toEqual(refusal('BLOB_MISSING'))
      await expect(storage.seal(key, 5)).rejects.toEqual(refusal('BLOB_MISSING'))
    })

    it('has one writer a key', async () => {
      const storage = make()
      const key = newStorageKey()
      let release = () => {}
      const gate = new Promise<void>((resolve) => (release = resolve))
      const slow = storage.append(
        key,
        0,
        (async function* () {
          await gate
          yield Buffer.from('abc')
        })(),
      )
      await expect(storage.append(key, 0, of('x'))).rejects.toEqual(refusal('UPLOAD_BUSY'))
      await expect(storage.seal(key, 0)).rejects.toEqual(refusal('UPLOAD_BUSY'))
      release()
      expect(await slow).toBe(3)
    })

    it('lets the producer’s error through and can go on after it', async () => {
      const storage = make()
      const key = newStorageKey()
      const broken = (async function* () {
        yield Buffer.from('abc')
        throw new Error('the producer broke')
      })()
      await expect(storage.append(key, 0, broken)).rejects.toThrow('the producer broke')
      expect(await storage.append(key, 0, of('xyz'))).toBe(3)
    })

    it('removes what is there and forgives what is not', async () => {
      const storage = make()
      const [sealed, unsealed] = [newStorageKey(), newStorageKey()]
      await storage.append(sealed, 0, of('abc'))
      await storage.seal(sealed, 3)
      await storage.append(unsealed, 0, of('abc'))
      for (const key of [sealed, unsealed, newStorageKey()]) await storage.remove(key)
      await expect(all(storage.read(sealed, { start: 0, end: 0 }))).rejects.toEqual(refusal('BLOB_MISSING'))
      await expect(all(storage.readUnsealed(unsealed, 1))).rejects.toEqual(refusal('BLOB_MISSING'))
    })

    it('lists what is there, sealed or not, with the time of its last write', async () => {
      const storage = make()
      const [sealed, unsealed, gone] = [newStorageKey(), newStorageKey(), newStorageKey()]
      const began = Date.now() - 2_000 // file systems and object stores keep time of their own
      for (const key of [sealed, unsealed, gone]) await storage.append(key, 0, of('abc'))
      await storage.seal(sealed, 3)
      await storage.remove(gone)
      const listed = new Map<string, Date>()
      for await (const { key, changedAt } of storage.list()) listed.set(key, changedAt)
      expect([sealed, unsealed, gone].map((key) => listed.has(key))).toEqual([true, true, false])
      expect(listed.get(sealed)?.getTime()).toBeGreaterThan(began)
      expect(listed.get(unsealed)?.getTime()).toBeGreaterThan(began)
    })

    it('keeps every byte of many requests, short and long, cut anywhere', async () => {
      const storage = make()
      const key = newStorageKey()
      const bytes = Buffer.from(Array.from({ length: 40_009 }, (_, n) => (n * n) % 251))
      const big = Buffer.concat(Array.from({ length: 500 }, () => bytes)) // 20 MB
      const at = [0, 10, 10, 6 * MIB, 6 * MIB + 1, 12 * MIB, big.length]
      for (const [n, start] of at.slice(0, -1).entries()) {
        const end = at[n + 1] ?? 0
        // A writer that died left more than was recorded, and other bytes.
        await storage.append(key, start, of(Buffer.alloc(n * 3 * MIB)))
        expect(await storage.append(key, start, of(big.subarray(start, end)))).toBe(end)
      }
      expect((await all(storage.readUnsealed(key, big.length))).equals(big)).toBe(true)
      await storage.append(key, big.length, of('junk'))
      await storage.seal(key, big.length)
      expect((await all(storage.read(key, { start: 0, end: big.length - 1 }))).equals(big)).toBe(true)
      const middle = { start: 6 * MIB - 5, end: 12 * MIB + 5 }
      expect((await all(storage.read(key, middle))).equals(big.subarray(middle.start, middle.end + 1))).toBe(
        true,
      )
    })

    it.each([[0], [1], [MIB - 1], [MIB], [MIB + 1], [5 * MIB + 12_345]])(
      'keeps %i bytes exactly',
      async (size) => {
        const storage = make()
        const key = newStorageKey()
        const bytes = Buffer.alloc(size, 'the quick brown fox ')
        const chunks = Array.from({ length: Math.ceil(size / 65_521) }, (_, i) =>
          bytes.subarray(i * 65_521, (i + 1) * 65_521),
        )
        expect(await storage.append(key, 0, of(...chunks))).toBe(size)
        await storage.seal(key, size)
        const read = size === 0 ? Buffer.alloc(0) : await all(storage.read(key, { start: 0, end: size - 1 }))
        expect(read.equals(bytes)).toBe(true)
      },
    )

    it('takes thousands of tiny chunks', async () => {
      const storage = make()
      const key = newStorageKey()
      const chunks = Array.from({ length: 2_000 }, (_, i) => String(i % 10))
      expect(await storage.append(key, 0, of(...chunks))).toBe(2_000)
      expect((await all(storage.readUnsealed(key, 2_000))).toString()).toBe(chunks.join(''))
    })

    it.each([['../../etc/passwd'], ['/etc/passwd'], ['a//b'], ['a/../b'], ['A'], ['a\0'], ['']])(
      'refuses the key %j',
      async (key) => {
        const storage = make()
        const code = refusal('STORAGE_KEY_INVALID')
        await expect((async () => storage.append(key, 0, of('x')))()).rejects.toEqual(code)
        await expect((async () => storage.remove(key))()).rejects.toEqual(code)
        await expect((async () => all(storage.read(key, { start: 0, end: 0 })))()).rejects.toEqual(code)
      },
    )
  })
}
