import { expect, test } from 'vitest'
import { memoryStorage } from './storage/memory.ts'
import { startTestServer } from './test-server.ts'

test.each(['ENOSPC', 'EDQUOT'])('a push that meets a full disk (%s) is asked to come again', async (code) => {
  const storage = memoryStorage()
  const full = Object.assign(new Error('no space left on device'), { code })
  await using server = await startTestServer({
    storage: { ...storage, append: () => Promise.reject(full) },
  })
  const opened = await server.ask('POST', '/v2/dev/app/blobs/uploads/')
  const answer = await server.ask('PATCH', opened.headers.location ?? '', { body: 'bytes' })
  expect(answer).toMatchObject({ status: 503, code: 'UNAVAILABLE', headers: { 'retry-after': '60' } })
  expect(server.failures).toEqual([full])
  const found = await server.ask('GET', opened.headers.location ?? '')
  expect(found).toMatchObject({ status: 204, headers: { range: '0-0' } })
})
