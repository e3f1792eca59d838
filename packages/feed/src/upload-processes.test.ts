import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { memoryIndex } from './memory-index.ts'
import type { BlobStorage } from './ports.ts'
import { folderStorage } from './storage/index.ts'
import { testBlob } from './test-images.ts'
import { openSession } from './test-push.ts'
import { FEEDS, startTestServer } from './test-server.ts'

let root: string
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'sluice-processes-'))
})
afterAll(() => rm(root, { recursive: true }))

const LIFE = '00000000-0000-4000-8000-000000000001'
const OTHER = '00000000-0000-4000-8000-000000000002'
const sha512 = (bytes: Buffer) => `sha512:${createHash('sha512').update(bytes).digest('hex')}`

/** A storage that says how often an upload was read again. */
function counting(): { storage: BlobStorage; readAgain: () => number } {
  const storage = folderStorage(root)
  const read = storage.readUnsealed.bind(storage)
  let count = 0
  storage.readUnsealed = (key, end) => {
    count++
    return read(key, end)
  }
  return { storage, readAgain: () => count }
}

/** Two servers over one index and one folder, as two processes are. */
async function two(lives: readonly [string, string]) {
  const index = memoryIndex({ feeds: FEEDS })
  const [one, other] = [counting(), counting()]
  const first = await startTestServer({ index, storage: one.storage, life: lives[0] })
  const second = await startTestServer({ index, storage: other.storage, life: lives[1] })
  return {
    first,
    second,
    readAgain: () => one.readAgain() + other.readAgain(),
    async [Symbol.asyncDispose]() {
      await first[Symbol.asyncDispose]()
      await second[Symbol.asyncDispose]()
    },
  }
}

describe('an upload whose requests reach different processes', () => {
  const whole = testBlob('abcdefghij')
  const last = { first: 'abcdefgh', second: 'ij' }

  it.each([
    {
      what: 'is not read again by one of the same life',
      lives: [LIFE, LIFE],
      digest: whole.digest,
      again: 0,
    },
    { what: 'is read again by one of another life', lives: [LIFE, OTHER], digest: whole.digest, again: 1 },
    {
      what: 'is read again for another algorithm',
      lives: [LIFE, LIFE],
      digest: sha512(whole.bytes),
      again: 1,
    },
  ] as const)('$what', async ({ lives, digest, again }) => {
    await using servers = await two(lives)
    const location = await openSession(servers.first, 'dev/app')
    expect((await servers.second.ask('PATCH', location, { body: whole.bytes })).status).toBe(202)
    const put = await servers.first.ask('PUT', `${location}?digest=${digest}`)
    expect(put.status).toBe(201)
    expect(servers.readAgain()).toBe(again)
    expect((await servers.second.ask('GET', `/v2/dev/app/blobs/${digest}`)).bytes).toEqual(whole.bytes)
  })

  it('is refused by a wrong digest as anywhere, and can still be ended by the right one', async () => {
    await using servers = await two([LIFE, LIFE])
    const location = await openSession(servers.first, 'dev/app')
    await servers.first.ask('PATCH', location, { body: whole.bytes })
    const wrong = await servers.second.ask('PUT', `${location}?digest=${testBlob('other').digest}`)
    expect([wrong.status, wrong.code]).toEqual([400, 'DIGEST_INVALID'])
    expect((await servers.second.ask('PUT', `${location}?digest=${whole.digest}`)).status).toBe(201)
  })

  it.each([
    { what: 'a last chunk with the end', chunk: false },
    { what: 'chunks in turn', chunk: true },
  ])('takes $what', async ({ chunk }) => {
    await using servers = await two([LIFE, LIFE])
    const location = await openSession(servers.first, 'dev/app')
    await servers.first.ask('PATCH', location, { body: last.first })
    if (chunk) await servers.second.ask('PATCH', location, { body: last.second })
    const end = chunk ? servers.first : servers.second
    const put = await end.ask('PUT', `${location}?digest=${whole.digest}`, chunk ? {} : { body: last.second })
    expect(put.status).toBe(201)
    expect((await servers.first.ask('GET', `/v2/dev/app/blobs/${whole.digest}`)).bytes).toEqual(whole.bytes)
  })
})
