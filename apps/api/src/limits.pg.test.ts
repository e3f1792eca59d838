import { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { basic, digestOf, pushImage, startTestService, type TestService } from './test-service.ts'

let service: TestService
let pusher: string
let keeper: string

beforeAll(async () => {
  service = await startTestService()
  pusher = await service.person('pusher', { dev: ['pull', 'push'] })
  keeper = await service.person('keeper', { dev: ['pull', 'admin'] })
}, 60_000)
afterAll(() => service[Symbol.asyncDispose]())

const dev = { params: { feed: 'dev' } }
const patch = (token: string, body: object) => service.call('updateFeed', token, { ...dev, body })
const used = async (): Promise<number> => (await service.call('getFeed', pusher, dev)).body.used
const entries = async (type: string) =>
  (await service.call('listAudit', service.admin, { query: { type } })).body.items

const upload = async (bytes: string) => {
  const response = await fetch(`${service.url}/v2/dev/app/blobs/uploads/?digest=${digestOf(bytes)}`, {
    method: 'POST',
    headers: { authorization: basic('pusher'), 'content-type': 'application/octet-stream' },
    body: bytes,
  })
  return { status: response.status, body: await response.text() }
}

test('who administers the feed sets its quota and retention; others do not, and see them', async () => {
  const change = { quota: { bytes: 100 }, retention: { rules: [{ repositories: ['app'], keepLast: 1 }] } }
  expect(await patch(pusher, change)).toMatchObject({ status: 403, body: { code: 'forbidden' } })
  expect((await service.call('previewRetention', pusher, { ...dev, body: {} })).status).toBe(403)
  expect(await patch(keeper, change)).toMatchObject({ status: 200, body: change })
  expect((await service.call('getFeed', pusher, dev)).body).toMatchObject({ ...change, used: 0 })
  const changed = await entries('feed.changed')
  expect(changed).toHaveLength(1)
  expect(await patch(keeper, { quota: null })).toMatchObject({ status: 200, body: { quota: null } })
  expect(await patch(keeper, { retention: { rules: [] } })).toMatchObject({
    body: { retention: { rules: [] } },
  })
})

test.each([
  ['no bytes', { quota: { bytes: 0 } }, 'quota.bytes'],
  ['half a byte', { quota: { bytes: 0.5 } }, 'quota.bytes'],
  ['a quota in words', { quota: 'large' }, 'quota'],
  ['an unknown unit', { quota: { bytes: 1, unit: 'GB' } }, 'quota.unit'],
  ['a rule for nothing', { retention: { rules: [{ keepLast: 1 }] } }, 'retention.rules[0].repositories'],
  [
    'a negative count',
    { retention: { rules: [{ repositories: ['*'], keepLast: -1 }] } },
    'retention.rules[0].keepLast',
  ],
  [
    'a rule of another name',
    { retention: { rules: [{ repositories: ['*'], keep: 1 }] } },
    'retention.rules[0].keep',
  ],
])('%s is refused by the name of its field, and changes nothing', async (_, body, field) => {
  const before = (await service.call('getFeed', keeper, dev)).body
  const answer = await patch(keeper, body)
  expect(answer.status).toBe(400)
  expect(answer.body.errors.map((error: { field: string }) => error.field)).toContain(field)
  expect((await service.call('getFeed', keeper, dev)).body).toEqual(before)
})

test('a push over the quota is told so by the registry’s own error, and the warning is on record', async () => {
  const [first, second, third] = ['a'.repeat(70), 'b'.repeat(20), 'c'.repeat(11)]
  await patch(keeper, { quota: { bytes: 100 } })
  expect((await upload(first)).status).toBe(201)
  expect(await entries('feed.quota-warning')).toEqual([])
  expect((await upload(second)).status).toBe(201)
  expect(await used()).toBe(90)
  const [warning, ...more] = await entries('feed.quota-warning')
  expect(more).toEqual([])
  expect(warning).toMatchObject({ actor: 'system', payload: { quota: 100, used: 90 } })

  const refused = await upload(third)
  expect(refused.status).toBe(413)
  expect(JSON.parse(refused.body).errors).toEqual([
    {
      code: 'DENIED',
      message: expect.stringMatching(/90 of the 100 bytes/),
      detail: { quota: 100, used: 90 },
    },
  ])
  expect(await used()).toBe(90)
  expect((await upload('d'.repeat(10))).status).toBe(201)
  const full = await upload('e')
  expect([full.status, JSON.parse(full.body).errors[0].code]).toEqual([403, 'DENIED'])
  expect(await patch(keeper, { quota: null })).toMatchObject({ body: { quota: null, used: 100 } })
  expect((await upload('e')).status).toBe(201)
})

test('a preview names what would go, by the feed’s rules or by others, and takes nothing', async () => {
  const authorization = basic('pusher')
  const digests: string[] = []
  for (const tag of ['1', '2']) {
    digests.push(await pushImage(service.url, 'dev/old', tag, { content: tag, authorization }))
  }
  const owner = new Client({ connectionString: service.ownerUrl })
  await owner.connect()
  await owner.query(`update repository_manifest set pushed_at = pushed_at - interval '30 days'`)
  await owner.end()
  const rules = [{ repositories: ['old'], keepLast: 1 }]
  const preview = (body: object) => service.call('previewRetention', keeper, { ...dev, body })
  expect((await preview({})).body).toEqual({ items: [], kept: [], more: false })
  const asked = await preview({ rules })
  expect(asked).toMatchObject({ status: 200, body: { more: false } })
  expect(asked.body.items).toEqual([{ repository: 'old', digest: digests[0], tags: ['1'] }])
  expect(await preview({ rules: [{ repositories: ['old'], keepLast: -1 }] })).toMatchObject({ status: 400 })

  await patch(keeper, { retention: { rules } })
  expect((await preview({})).body).toEqual(asked.body)
  const tags = await service.call('listTags', pusher, { ...dev, query: { repository: 'old' } })
  expect(tags.body.items).toHaveLength(2)
})
