import { randomUUID } from 'node:crypto'
import { beforeEach, describe, expect, it } from 'vitest'
import { CONFIG, LAYER } from './test-images.ts'
import { LEASE, newKey, type OpenIndex } from './test-index.ts'

/** What a `FeedIndex` does with uploads. */
export function uploadContract(opened: () => OpenIndex): void {
  describe('uploads', () => {
    let index: OpenIndex['index']
    let app: OpenIndex['app']
    let twin: OpenIndex['twin']
    let abroad: OpenIndex['abroad']
    let alice: OpenIndex['alice']
    let bob: OpenIndex['bob']

    beforeEach(() => {
      ;({ index, app, twin, abroad, alice, bob } = opened())
    })

    it('is found by its principal in its repository alone', async () => {
      const upload = await index.openUpload(app, newKey(), alice)
      expect(upload.offset).toBe(0)
      expect(await index.findUpload(app, upload.id, alice)).toEqual(upload)
      expect(await index.findUpload(app, upload.id, bob)).toBeNull()
      expect(await index.findUpload(twin, upload.id, alice)).toBeNull()
      expect(await index.findUpload(abroad, upload.id, alice)).toBeNull()
    })
    it('has one writer at a time, at the right offset', async () => {
      const { id } = await index.openUpload(app, newKey(), alice)
      expect(await index.claimUpload(id, 5, LEASE)).toBeNull()
      const claims = await Promise.all(Array.from({ length: 5 }, () => index.claimUpload(id, 0, LEASE)))
      const [held, ...others] = claims.filter((claim) => claim !== null)
      if (held === undefined) throw new Error('nobody got the claim')
      expect(others).toEqual([])
      expect(await index.advanceUpload(held, 5)).toBe(true)
      expect(await index.advanceUpload(held, 9)).toBe(false)
      expect((await index.findUpload(app, id, alice))?.offset).toBe(5)
      expect(await index.claimUpload(id, 0, LEASE)).toBeNull()
      expect(await index.claimUpload(id, 5, LEASE)).not.toBeNull()
    })
    it('keeps what the bytes so far hash to, until the offset moves on without it', async () => {
      const { id } = await index.openUpload(app, newKey(), alice)
      const hashed = { digest: LAYER.digest, by: randomUUID() }
      const steps = [
        { to: 5, with: hashed, kept: hashed },
        { to: 5, with: null, kept: hashed },
        { to: 9, with: null, kept: null },
      ]
      for (const step of steps) {
        const offset = (await index.findUpload(app, id, alice))?.offset ?? -1
        const claim = await index.claimUpload(id, offset, LEASE)
        expect(claim && (await index.advanceUpload(claim, step.to, step.with))).toBe(true)
        expect((await index.findUpload(app, id, alice))?.hashed).toEqual(step.kept)
      }
    })
    it('passes to another writer when the lease is over, and fences the late one', async () => {
      const storageKey = newKey()
      const { id } = await index.openUpload(app, storageKey, alice)
      const late = await index.claimUpload(id, 0, 0)
      const next = await index.claimUpload(id, 0, LEASE)
      if (late === null || next === null) throw new Error('an expired lease still holds')
      expect(await index.renewUpload(late, LEASE)).toBe(false)
      expect(await index.advanceUpload(late, 7)).toBe(false)
      const blob = { digest: LAYER.digest, size: LAYER.size, storageKey }
      await expect(index.finishUpload(late, blob)).rejects.toMatchObject({ code: 'BLOB_UPLOAD_UNKNOWN' })
      expect(await index.findBlob(app, LAYER.digest)).toBeNull()
      expect(await index.renewUpload(next, LEASE)).toBe(true)
      expect(await index.finishUpload(next, blob)).toEqual({ superfluous: null })
    })
    it('ends with its blob', async () => {
      const { id } = await index.openUpload(app, newKey(), alice)
      const claim = await index.claimUpload(id, 0, LEASE)
      if (claim === null) throw new Error('a fresh upload could not be claimed')
      await index.finishUpload(claim, { digest: LAYER.digest, size: LAYER.size, storageKey: newKey() })
      expect(await index.findUpload(app, id, alice)).toBeNull()
      expect(await index.claimUpload(id, 0, LEASE)).toBeNull()
      await expect(
        index.finishUpload(claim, { digest: CONFIG.digest, size: CONFIG.size, storageKey: newKey() }),
      ).rejects.toMatchObject({ code: 'BLOB_UPLOAD_UNKNOWN' })
    })
    it('is cancelled by its principal alone, also under a writer', async () => {
      const storageKey = newKey()
      const { id } = await index.openUpload(app, storageKey, alice)
      const claim = await index.claimUpload(id, 0, LEASE)
      expect(await index.cancelUpload(app, id, bob)).toBeNull()
      expect(await index.cancelUpload(twin, id, alice)).toBeNull()
      expect(await index.cancelUpload(app, id, alice)).toBe(storageKey)
      expect(await index.cancelUpload(app, id, alice)).toBeNull()
      expect(await index.findUpload(app, id, alice)).toBeNull()
      expect(claim && (await index.advanceUpload(claim, 3))).toBe(false)
    })
  })
}
