import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { credentials, fresh, openRemote, type Remote } from './test-remote.ts'
import { PASSWORD } from './test-service.ts'

let far: Remote['far']
let near: Remote['near']
let make: Remote['make']
let pushThere: Remote['pushThere']
let close: Remote['close']
beforeAll(async () => {
  ;({ far, near, make, pushThere, close } = await openRemote())
}, 120_000)
afterAll(() => close())

describe('a connection test', () => {
  const tried = async (over: object, body: object = {}) => {
    const { name } = await make(over)
    const answer = await near.call('testConnection', near.admin, { params: { feed: name }, body })
    expect(answer.status).toBe(200)
    expect(JSON.stringify(answer.body)).not.toContain(PASSWORD)
    return answer.body
  }

  test('says step by step that it works', async () => {
    const repository = fresh('seen')
    await pushThere(repository, '1')
    expect(await tried({}, { repository })).toMatchObject({
      ok: true,
      host: new URL(far.url).host,
      steps: [
        { step: 'connect', ok: true },
        { step: 'read', ok: true, message: expect.stringContaining(`dev/${repository}`) },
      ],
    })
  })

  test.each([
    ['a wrong password', { credentials: { ...credentials, password: 'wrong wrong' } }, 'credentials'],
    ['a closed port', { url: 'http://127.0.0.1:1', credentials: null }, 'try again'],
  ])('with %s says what to do', async (_what, over, words) => {
    expect(await tried(over)).toMatchObject({
      ok: false,
      steps: [{ step: 'connect', ok: false }],
      message: expect.stringContaining(words),
    })
  })

  test('of a repository that may not be read says so', async () => {
    expect(await tried({ prefix: 'trusted' }, { repository: 'app' })).toMatchObject({
      ok: false,
      steps: [
        { step: 'connect', ok: true },
        { step: 'read', ok: false },
      ],
    })
  })

  test('is for administrators of the feed, and of a remote one', async () => {
    const { name } = await make()
    const viewer = await near.person(fresh('viewer'), {})
    expect((await near.call('testConnection', viewer, { params: { feed: name }, body: {} })).status).toBe(404)
    const hosted = await near.call('testConnection', near.admin, { params: { feed: 'dev' }, body: {} })
    expect(hosted).toMatchObject({ status: 400, body: { errors: [{ field: 'feed' }] } })
  })
})
