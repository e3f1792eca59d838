import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { LAYER, testBlob } from './test-images.ts'
import { pushBlob } from './test-push.ts'
import { startTestServer, type TestServer } from './test-server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server[Symbol.asyncDispose]())

let repositories = 0
const newName = () => `dev/mount-${++repositories}`

describe('mount', () => {
  const mount = (name: string, query: string, as = 'alice') =>
    server.ask('POST', `/v2/${name}/blobs/uploads/?mount=${query}`, { as })

  it.each([
    ['from a repository of the caller', 'dev/mount-source', 'alice', 201],
    ['from it by the feed’s former name', 'development/mount-source', 'alice', 201],
    ['from nowhere named', null, 'alice', 201],
    ['from a repository that has it not', 'dev/empty', 'alice', 202],
    ['from a feed that is not there', 'nowhere/app', 'alice', 202],
    ['from a name that is none', '../x', 'alice', 202],
  ])('%s', async (_, from, as, status) => {
    const blob = testBlob(`mount ${status}`)
    await pushBlob(server, 'dev/mount-source', blob)
    const name = newName()
    const query = `${blob.digest}${from === null ? '' : `&from=${encodeURIComponent(from)}`}`
    const answer = await mount(name, query, as)
    expect(answer.status).toBe(status)
    const expected = status === 201 ? `/v2/${name}/blobs/${blob.digest}` : /\/blobs\/uploads\/[0-9a-f-]{36}$/
    expect(answer.headers.location).toMatch(expected)
    const head = await server.ask('HEAD', `/v2/${name}/blobs/${blob.digest}`)
    expect(head.status).toBe(status === 201 ? 200 : 404)
  })

  it.each([
    ['named', '&from=private/secret'],
    ['not named', ''],
  ])('never from where the caller may not pull: %s', async (_, from) => {
    const secret = testBlob(`a private layer, ${from}`)
    await pushBlob(server, 'private/secret', secret, 'bob')
    const name = newName()
    const { status } = await mount(name, `${secret.digest}${from}`)
    expect(status).toBe(202)
    expect((await server.ask('GET', `/v2/${name}/blobs/${secret.digest}`)).status).toBe(404)
    expect((await mount(newName(), `${secret.digest}${from}`, 'bob')).status).toBe(201)
  })

  it('has bytes that exist elsewhere sent in full', async () => {
    const secret = testBlob('only bob has this')
    await pushBlob(server, 'private/secret', secret, 'bob')
    const path = `/v2/dev/app/blobs/uploads/?digest=${secret.digest}`
    expect((await server.ask('POST', path)).code).toBe('DIGEST_INVALID')
    expect((await server.ask('POST', path, { body: secret.bytes })).status).toBe(201)
  })
})

it('DELETE of a blob is 202, then 404', async () => {
  const name = newName()
  await pushBlob(server, name, LAYER)
  const path = `/v2/${name}/blobs/${LAYER.digest}`
  expect((await server.ask('DELETE', path)).status).toBe(202)
  for (const method of ['DELETE', 'GET', 'HEAD']) expect((await server.ask(method, path)).status).toBe(404)
})
