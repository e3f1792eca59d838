import { createClient, type RequestEvent } from '@sluice/contract'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { basic, pushImage, startTestService, type TestService } from './test-service.ts'

let service: TestService
let ci: string
let alice: string
let bob: string

beforeAll(async () => {
  service = await startTestService()
  ci = await service.person('ci', { dev: ['pull', 'push'], trusted: ['request', 'pull', 'approve'] })
  alice = await service.person('alice', { trusted: ['approve', 'pull'] })
  bob = await service.person('bob', { trusted: ['approve', 'pull'] })
}, 60_000)
afterAll(() => service[Symbol.asyncDispose]())

const push = (repository: string, tag: string, content: string) =>
  pushImage(service.url, `dev/${repository}`, tag, { content, authorization: basic('ci') })

test('push, evaluate, request, self-approval refused, approved by another, queued', async () => {
  const { call, url } = service
  const digest = await push('team/app', '1.0.0', 'one')
  const body = {
    lane: 'dev-to-trusted',
    image: 'team/app:1.0.0',
    reason: 'release',
    links: { build: 'https://ci/1' },
  }

  const evaluated = await call('evaluateRequest', ci, { body })
  expect(evaluated.status).toBe(200)
  expect(evaluated.body.gates.map(({ gate }: { gate: string }) => gate)).toContain('quorum')
  expect((await call('listRequests', ci)).body.items).toEqual([])

  const asked = await call('createRequest', ci, { body })
  expect(asked.status).toBe(201)
  expect(asked.body).toMatchObject({
    state: 'PENDING',
    requester: 'ci',
    digest,
    source: { feed: 'dev', repository: 'team/app', tag: '1.0.0' },
    target: { feed: 'trusted', repository: 'team/app', tags: [{ tag: '1.0.0', expected: null }] },
    closure: { manifests: 1, blobs: 2 },
    drift: null,
    promotion: null,
  })
  const { id } = asked.body
  expect(asked.headers.get('location')).toBe(`/api/v1/requests/${id}`)
  const again = await call('createRequest', ci, { body })
  expect([again.status, again.body.id]).toEqual([200, id])

  const moved = await push('team/app', '1.0.0', 'two')
  const drifted = await call('getRequest', alice, { params: { id } })
  expect(drifted.body).toMatchObject({ digest, drift: { from: digest, to: moved } })

  const events: RequestEvent[] = []
  const watching = (async () => {
    for await (const event of createClient({ url, token: alice }).watchRequest(id)) {
      events.push(event)
      if (event.state !== 'PENDING') return
    }
  })()

  const decide = (token: string, decision: object) =>
    call('decideRequest', token, { params: { id }, body: { decision: 'approve', digest, ...decision } })
  expect(await decide(ci, {})).toMatchObject({ status: 403, body: { code: 'self_approval' } })
  expect(await decide(alice, { digest: moved })).toMatchObject({
    status: 409,
    body: { code: 'digest_mismatch' },
  })
  const approved = await decide(alice, { comment: 'looked at it' })
  expect(approved).toMatchObject({
    status: 201,
    body: {
      state: 'APPROVED',
      digest,
      approvals: [{ person: 'alice', decision: 'approve', comment: 'looked at it' }],
      promotion: { state: 'QUEUED', requestId: id },
    },
  })
  expect((await decide(alice, {})).status).toBe(409)
  expect((await decide(bob, {})).status).toBe(409)
  await watching
  expect(events.at(-1)).toMatchObject({ state: 'APPROVED', promotion: { state: 'QUEUED' } })

  const audit = await call('listAudit', service.admin, { query: { subject: `request:${id}` } })
  const types = audit.body.items.map(({ type }: { type: string }) => type)
  expect(types).toEqual(expect.arrayContaining(['request.created', 'approval.given', 'request.approved']))
  expect((await call('listAudit', alice)).status).toBe(403)

  const cancelled = await call('cancelRequest', ci, { params: { id } })
  expect(cancelled).toMatchObject({ status: 200, body: { state: 'CANCELLED' } })
})

test('a set is approved by its setDigest, once for all its items', async () => {
  const { call } = service
  await push('set/a', '1.0.0', 'set a')
  await push('set/b', '1', 'set b')
  const asked = await call('createRequest', ci, {
    body: {
      lane: 'dev-to-trusted',
      items: [{ image: 'set/a:1.0.0' }, { image: 'set/b:1', targetTags: ['1.0.0', '1.0.1'] }],
    },
  })
  expect(asked.status).toBe(201)
  expect(asked.body.digest).toBeUndefined()
  const { id, setDigest, items } = asked.body
  const approve = (digest: string) =>
    call('decideRequest', alice, { params: { id }, body: { decision: 'approve', digest } })
  expect((await approve(items[0].digest)).body.code).toBe('digest_mismatch')
  expect((await approve(setDigest)).body).toMatchObject({ state: 'APPROVED', promotion: { state: 'QUEUED' } })
})

test('reject needs a comment; a rejected request is over', async () => {
  const { call } = service
  const digest = await push('team/bad', '1.0.0', 'bad')
  const { id } = (
    await call('createRequest', ci, { body: { lane: 'dev-to-trusted', image: 'team/bad:1.0.0' } })
  ).body
  const reject = (comment?: string) =>
    call('decideRequest', bob, {
      params: { id },
      body: { decision: 'reject', digest, ...(comment && { comment }) },
    })
  expect(await reject()).toMatchObject({
    status: 400,
    body: { errors: [{ field: 'comment', rule: 'required' }] },
  })
  expect((await reject('has a hole')).body).toMatchObject({
    state: 'REJECTED',
    approvals: [{ comment: 'has a hole' }],
  })
  expect((await call('cancelRequest', ci, { params: { id } })).status).toBe(409)
})

test('an approval can be taken back while nothing runs', async () => {
  const { call } = service
  const digest = await push('team/back', '1.0.0', 'back')
  const { id } = (
    await call('createRequest', ci, { body: { lane: 'dev-to-trusted', image: 'team/back:1.0.0' } })
  ).body
  await call('decideRequest', alice, { params: { id }, body: { decision: 'approve', digest } })
  const revoked = await call('revokeApproval', alice, { params: { id } })
  expect(revoked).toMatchObject({ status: 200, body: { state: 'PENDING' } })
  expect((await call('revokeApproval', bob, { params: { id } })).status).toBeGreaterThanOrEqual(400)
})

test('an idempotency key answers its own request, and refuses another body', async () => {
  const { call } = service
  await push('team/idem', '1.0.0', 'idem')
  const send = (body: object) =>
    call('createRequest', ci, {
      body: { lane: 'dev-to-trusted', image: 'team/idem:1.0.0', ...body },
      headers: { 'idempotency-key': 'run-1' },
    })
  const first = await send({})
  expect(first.status).toBe(201)
  const second = await send({})
  expect([second.status, second.body.id]).toEqual([200, first.body.id])
  expect(await send({ reason: 'other' })).toMatchObject({
    status: 422,
    body: { code: 'idempotency_mismatch' },
  })
})

test('tags, history, where a digest is, and what verify says before anything was let in', async () => {
  const { call } = service
  const first = await push('hist', '1.9.0', 'h1')
  await push('hist', '1.10.0', 'h2')
  const between = new Date()
  const second = await push('hist', '1.9.0', 'h3')
  const params = { feed: 'dev' }
  const tags = await call('listTags', ci, { params, query: { repository: 'hist' } })
  expect(tags.body.items.map(({ tag }: { tag: string }) => tag)).toEqual(['1.9.0', '1.10.0'])
  expect(tags.body.items[0]).toMatchObject({ digest: second, pushedBy: 'ci', virtual: false })
  const page = await call('listTags', ci, { params, query: { repository: 'hist', limit: '1' } })
  const rest = await call('listTags', ci, {
    params,
    query: { repository: 'hist', limit: '1', after: page.body.next },
  })
  expect([page, rest].flatMap(({ body }) => body.items.map(({ tag }: { tag: string }) => tag))).toEqual([
    '1.9.0',
    '1.10.0',
  ])
  const query = { repository: 'hist', tag: '1.9.0' }
  const history = await call('listTagHistory', ci, { params, query })
  expect(history.body.items).toMatchObject([
    { from: first, to: second },
    { from: null, to: first, by: 'ci' },
  ])
  const then = await call('listTagHistory', ci, { params, query: { ...query, at: between.toISOString() } })
  expect(then.body.digest).toBe(first)

  const found = await call('getDigest', ci, { params: { digest: second } })
  expect(found.body.places).toMatchObject([
    { feed: 'dev', repository: 'hist', tags: ['1.9.0'], admission: null },
  ])
  expect((await call('getDigest', alice, { params: { digest: second } })).status).toBe(404)
  expect((await call('getDigest', ci, { params: { digest: 'sha256:abc' } })).status).toBe(400)
  const verdict = await call('verify', ci, { body: { image: `localhost:1/dev/hist@${second}` } })
  expect(verdict.body).toMatchObject({
    allowed: false,
    digest: second,
    reason: 'feed_not_trusted',
    admission: null,
  })
  expect((await call('verify', alice, { body: { image: 'dev/hist:1.9.0' } })).status).toBe(404)
  expect((await call('verify', ci, { body: { image: 'dev/hist' } })).status).toBe(400)
})
