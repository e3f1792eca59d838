import { type ChangesEvent, createClient } from '@sluice/contract'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { basic, pushImage, startTestService, type TestService } from './test-service.ts'

let service: TestService
let [ci, alice]: (string | undefined)[] = []
const open: AbortController[] = []

beforeAll(async () => {
  service = await startTestService()
  ci = await service.person('ci', { dev: ['pull', 'push'], trusted: ['request'] })
  alice = await service.person('alice', { trusted: ['approve'] })
  await pushImage(service.url, 'dev/app', '1.0.0', { content: 'one', authorization: basic('ci') })
  await pushImage(service.url, 'dev/app', '1.0.1', { content: 'two', authorization: basic('ci') })
}, 60_000)
afterAll(async () => {
  for (const stream of open) stream.abort()
  await service[Symbol.asyncDispose]()
})

/** A stream that has said its first event: what happens from now on is heard. */
async function watch(token: string | undefined) {
  const stop = new AbortController()
  open.push(stop)
  const client = createClient({ url: service.url, ...(token !== undefined && { token }) })
  const events = client.watchChanges({ signal: stop.signal })
  expect((await events.next()).value).toEqual({ all: true, requests: [] })
  return {
    stop,
    async next(): Promise<ChangesEvent | undefined> {
      const { done, value } = await events.next()
      return done === true ? undefined : value
    },
    /** Follows until an event names this request, or says `all`. */
    async until(id: string): Promise<ChangesEvent> {
      for (;;) {
        const { value } = await events.next()
        if (value === undefined) throw new Error('the stream ended')
        if (value.all || value.requests.includes(id)) return value
      }
    },
  }
}

const ask = async (image: string) =>
  (await service.call('createRequest', ci, { body: { lane: 'dev-to-trusted', image } })).body

test('who may see a request hears of it, by its id alone, and a stranger of nothing', async () => {
  const stranger = await service.person('stranger')
  const [seeing, blind] = [await watch(alice), await watch(stranger)]
  const { id, digest } = await ask('app:1.0.0')
  expect(await seeing.until(id)).toEqual({ all: false, requests: [id] })
  const decided = await service.call('decideRequest', alice, {
    params: { id },
    body: { decision: 'approve', digest },
  })
  expect(decided.status).toBe(201)
  expect(await seeing.until(id)).toEqual({ all: false, requests: [id] })
  // A grant given is the first that the stranger hears of: nothing was told before it.
  const { body } = await service.call('getGrants', service.admin, { params: { feed: 'trusted' } })
  await service.call('putGrants', service.admin, {
    params: { feed: 'trusted' },
    body: [...body.items, { principal: 'user:stranger', verbs: ['pull'] }],
  })
  expect(await blind.next()).toEqual({ all: true, requests: [] })
  const later = await ask('app:1.0.1')
  expect(await blind.until(later.id)).toEqual({ all: false, requests: [later.id] })
}, 60_000)

test('a credential that ends, ends its stream before the next id', async () => {
  const leaving = await service.person('leaving', { trusted: ['pull'] })
  const stream = await watch(leaving)
  expect((await service.call('logout', leaving)).status).toBe(204)
  const { id } = await ask('app:1.0.1')
  await service.call('cancelRequest', ci, { params: { id } })
  expect(await stream.next()).toBeUndefined()
})

test('one account has so many streams and no more, and a closed one makes room', async () => {
  const many = await service.person('many')
  const streams = []
  for (let count = 0; count < 32; count++) streams.push(await watch(many))
  const refused = await service.ask('GET', '/api/v1/events', { token: many })
  expect(refused).toMatchObject({ status: 429, body: { code: 'too_many_streams' } })
  expect(refused.headers.get('retry-after')).toBe('30')
  streams[0]?.stop.abort()
  await expect
    .poll(async () => {
      const stop = new AbortController()
      const headers = { authorization: `Bearer ${many}` }
      const { status } = await fetch(`${service.url}/api/v1/events`, { headers, signal: stop.signal })
      stop.abort()
      return status
    })
    .toBe(200)
  expect((await service.ask('GET', '/api/v1/me', { token: many })).status).toBe(200)
})
