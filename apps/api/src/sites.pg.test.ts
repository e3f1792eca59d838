import { afterAll, beforeAll, expect, test } from 'vitest'
import { basic, digestOf, pushImage, startTestService, type TestService } from './test-service.ts'

let service: TestService
let ci: string
let robot: string
let narrow: string
let digest: string
const strange = digestOf('never pushed')
const prod = { params: { site: 'prod-eu' } }

beforeAll(async () => {
  service = await startTestService()
  const { admin, call } = service
  ci = await service.person('ci', { dev: ['pull', 'push'] })
  digest = await pushImage(service.url, 'dev/app', '1.0.0', { content: 'x', authorization: basic('ci') })
  await call('createSite', admin, { body: { name: 'prod-eu' } })
  const token = async (scopes: string[]) =>
    (await call('createToken', admin, { body: { name: 'prod-eu', robot: 'prod-eu', scopes } })).body.secret
  robot = await token(['report:prod-eu'])
  narrow = await token(['pull:dev'])
  await call('updateSite', admin, { ...prod, body: { reporters: ['robot:prod-eu'] } })
  await call('createSite', admin, { body: { name: 'other', reporters: ['robot:prod-eu'] } })
}, 60_000)
afterAll(() => service[Symbol.asyncDispose]())

const report = (body: unknown, token = robot, site = 'prod-eu') =>
  service.call('reportRunning', token, { params: { site }, body })

test('a robot with a token for one site reports there, and does nothing else', async () => {
  const { admin, call } = service
  const listed = (await call('listTokens', admin)).body.items
  expect(listed.map(({ scopes }: { scopes: string[] }) => scopes)).toContainEqual(['report:prod-eu'])
  expect((await call('getMe', robot)).body).toMatchObject({ scopes: ['report:prod-eu'], grants: [] })
  const answer = await report([{ digest, image: 'host/dev/app:1.0.0' }, { digest: strange }])
  expect(answer).toMatchObject({ status: 200, body: { site: 'prod-eu', digests: 2, began: 2, ended: 0 } })
  expect(await report([], robot, 'other')).toMatchObject({ status: 404 })
  expect(await report([], narrow)).toMatchObject({ status: 404, body: { code: 'not_found' } })
  // An administrator does not report either, unless named as a reporter.
  expect(await report([], admin)).toMatchObject({ status: 404 })
  for (const id of ['createSite', 'updateSite', 'deleteSite'] as const) {
    const body = id === 'deleteSite' ? {} : { body: id === 'createSite' ? { name: 'x' } : {} }
    expect((await call(id, robot, { ...prod, ...body })).status).toBe(403)
  }
  // Its own report it sees, and of what feeds it may not pull from only that it was reported.
  expect((await call('listRunning', robot)).body.items).toMatchObject([
    { standing: 'unknown', repositories: [] },
    { standing: 'unknown', repositories: [] },
  ])
  expect((await call('getSite', robot, prod)).body).toMatchObject({
    reporters: null,
    running: { unknown: 2 },
  })
})

test('who pulls from a feed sees what runs of it; who administers sees all of it', async () => {
  const { admin, call } = service
  await report([{ digest, image: 'host/dev/app:1.0.0' }, { digest: strange }])
  const mine = (await call('listRunning', ci)).body.items
  expect(mine).toMatchObject([
    { site: 'prod-eu', digest, standing: 'not-admitted', repositories: ['dev/app'] },
  ])
  expect((await call('getSite', ci, prod)).body.running).toMatchObject({ 'not-admitted': 1, unknown: 0 })
  const ungranted = await service.person('ungranted')
  expect((await call('listRunning', ungranted)).body.items).toEqual([])
  expect((await call('listSites', ungranted)).body.items).toEqual([])
  const hidden = await call('getSite', ungranted, prod)
  const absent = await call('getSite', ungranted, { params: { site: 'nowhere' } })
  expect([hidden.status, hidden.body.detail.replace('prod-eu', 'nowhere')]).toEqual([404, absent.body.detail])
  const sites = (await call('listSites', admin, { query: { limit: '1' } })).body
  expect(sites).toMatchObject({ items: [{ name: 'other', state: 'unreported' }], next: 'other' })
  expect((await call('listSites', admin, { query: { after: sites.next } })).body.items).toMatchObject([
    { name: 'prod-eu', state: 'current', reportedBy: 'robot:prod-eu', reporters: ['robot:prod-eu'] },
  ])
  const unknown = (await call('listRunning', admin, { query: { standing: 'unknown' } })).body.items
  expect(unknown).toMatchObject([{ digest: strange, standing: 'unknown', repositories: [], until: null }])
  const where = async (query: object) =>
    (await call('listRunning', admin, { query: { digest, ...query } })).body.items.length
  await report([])
  expect([await where({}), await where({ past: 'true' })]).toEqual([0, 1])
})

test('a report as large as it may be is taken whole', async () => {
  const image = `host.example:5000/${'a'.repeat(400)}:1`
  const items = Array.from({ length: 5000 }, (_, at) => ({ digest: digestOf(String(at)), image }))
  expect(await report(items)).toMatchObject({ status: 200, body: { digests: 5000, began: 5000 } })
  const more = [...items, { digest: strange }]
  expect(await report(more)).toMatchObject({ status: 400, body: { code: 'invalid' } })
  expect(await report([])).toMatchObject({ body: { ended: 5000 } })
})

const item = { digest: strange }
const long = 'a'.repeat(513)
test.each<[what: string, body: unknown, field: string]>([
  ['an object', { items: [] }, ''],
  ['a text', '"x"', ''],
  ['no JSON', '[{', ''],
  ['null', 'null', ''],
  ['a digest that is too short', [{ digest: strange.slice(1) }], '[0].digest'],
  ['an upper-case digest', [{ digest: strange.toUpperCase() }], '[0].digest'],
  ['no digest', [item, { image: 'a:1' }], '[1].digest'],
  ['a number', [{ digest: 1 }], '[0].digest'],
  ['an unknown field', [{ ...item, pod: 'x' }], '[0].pod'],
  ['an empty image', [{ ...item, image: '' }], '[0].image'],
  ['an image that is too long', [{ ...item, image: long }], '[0].image'],
  ['a NUL', [{ ...item, image: 'a\0b' }], '[0].image'],
  ['half of a surrogate pair', [{ ...item, image: '\ud800' }], '[0].image'],
  ['a space', [{ ...item, image: 'a b' }], '[0].image'],
])('a report with %s is refused, and nothing changed', async (_, body, field) => {
  const before = (await service.call('getSite', service.admin, prod)).body
  const answer = await report(body)
  expect(answer.status).toBe(400)
  expect(answer.body.errors.map((error: { field: string }) => error.field)).toContain(field)
  expect((await service.call('getSite', service.admin, prod)).body).toEqual(before)
})

test('a report of too many bytes is refused', async () => {
  expect(await report(`[${' '.repeat(4 * 1024 * 1024)}]`)).toMatchObject({ status: 413 })
})

test.each<[what: string, body: object, status: number, field: string]>([
  ['a slash', { name: 'prod/eu' }, 400, 'name'],
  ['upper case', { name: 'Prod' }, 400, 'name'],
  ['a name that is too long', { name: 'a'.repeat(65) }, 400, 'name'],
  ['no name', {}, 400, 'name'],
  ['a taken name', { name: 'prod-eu' }, 409, 'name'],
  ['no hours', { name: 'x', staleAfterHours: 0 }, 400, 'staleAfterHours'],
  ['half an hour', { name: 'x', staleAfterHours: 0.5 }, 400, 'staleAfterHours'],
  ['too many hours', { name: 'x', staleAfterHours: 8761 }, 400, 'staleAfterHours'],
  ['everybody', { name: 'x', reporters: ['*'] }, 400, 'reporters[0]'],
  ['an unknown robot', { name: 'x', reporters: ['robot:none'] }, 400, 'reporters[0]'],
  [
    'too many reporters',
    { name: 'x', reporters: Array.from({ length: 101 }, () => 'admin') },
    400,
    'reporters',
  ],
  ['a field that is none', { name: 'x', stale: 1 }, 400, 'stale'],
])('a site with %s is refused', async (_, body, status, field) => {
  const answer = await service.call('createSite', service.admin, { body })
  expect(answer.status).toBe(status)
  expect(answer.body.errors.map((error: { field: string }) => error.field)).toContain(field)
})

test.each<[what: string, query: Record<string, string>, field: string]>([
  ['a digest', { digest: 'sha256:x' }, 'digest'],
  ['a standing', { standing: 'good' }, 'standing'],
  ['a cursor', { after: 'x' }, 'after'],
  ['a limit', { limit: '201' }, 'limit'],
  ['a past', { past: 'yes' }, 'past'],
  ['a site', { site: 'Prod EU' }, 'site'],
  ['an option', { place: 'x' }, 'place'],
])('%s that is none is refused in the list of what runs', async (_, query, field) => {
  const answer = await service.call('listRunning', service.admin, { query })
  expect(answer.status).toBe(400)
  expect(answer.body.errors.map((error: { field: string }) => error.field)).toContain(field)
})

test.each(['report:nowhere', 'report:', 'report:Prod', 'report:prod-eu:x'])(
  'a token for %s is refused',
  async (scope) => {
    const body = { name: 'x', scopes: [scope] }
    expect(await service.call('createToken', service.admin, { body })).toMatchObject({
      status: 400,
      body: { errors: [{ field: 'scopes[0]' }] },
    })
  },
)
