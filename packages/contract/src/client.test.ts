import { once } from 'node:events'
import http from 'node:http'
import { afterEach, expect, test } from 'vitest'
import { CallError, changesEvent, createClient, problem } from './index.ts'

let server: http.Server | undefined
afterEach(() => {
  server?.close().closeAllConnections()
})

async function serve(handler: http.RequestListener): Promise<string> {
  server = http.createServer(handler).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('not listening')
  return `http://127.0.0.1:${address.port}`
}

const refused = (call: Promise<unknown>): Promise<CallError> =>
  call.then(
    () => expect.unreachable(),
    (error: unknown) => {
      if (error instanceof CallError) return error
      throw error
    },
  )

test('a call fills path, query, headers and body', async () => {
  const seen: unknown[] = []
  const url = await serve((req, res) => {
    const chunks: Buffer[] = []
    req.on('data', (chunk: Buffer) => chunks.push(chunk))
    req.on('end', () => {
      const { authorization, 'if-match': ifMatch } = req.headers
      seen.push([req.method, req.url, authorization, ifMatch, Buffer.concat(chunks).toString()])
      res.setHeader('content-type', 'application/json').setHeader('etag', '"2"')
      res.end('{"items":[],"next":null}')
    })
  })
  const client = createClient({ url, token: 'slu_x' })
  const reply = await client.send('putGrants', {
    params: { feed: 'a/../b' },
    headers: { 'if-match': '"1"' },
    body: [{ principal: '*', verbs: ['pull'] }],
  })
  expect(reply).toEqual({ status: 200, etag: '"2"', body: { items: [], next: null } })
  expect(
    (await client.listTags({ params: { feed: 'dev' }, query: { repository: 'a/b', limit: 5 } })).next,
  ).toBeNull()
  expect(seen).toEqual([
    ['PUT', '/api/v1/feeds/a%2F..%2Fb/grants', 'Bearer slu_x', '"1"', '[{"principal":"*","verbs":["pull"]}]'],
    ['GET', '/api/v1/feeds/dev/tags?repository=a%2Fb&limit=5', 'Bearer slu_x', undefined, ''],
  ])
})

test('a problem document becomes an error that carries it', async () => {
  const sent = {
    type: 'about:blank',
    title: 'Bad Request',
    status: 400,
    detail: 'the request is not valid',
    code: 'invalid',
    requestId: 'r1',
    errors: [{ field: 'image', rule: 'required', message: 'name one' }],
  }
  const url = await serve((_, res) => {
    res
      .writeHead(400, { 'content-type': 'application/problem+json; charset=utf-8' })
      .end(JSON.stringify(sent))
  })
  const error = await refused(createClient({ url }).createRequest({ body: { lane: 'x' } }))
  expect(error).toMatchObject({ code: 'refused', status: 400, problem: sent })
})

test.each([
  ['a page of something else', 200, 'text/html', '<html>'],
  ['a refusal of something else', 404, 'text/html', '<html>'],
  ['no JSON under its type', 200, 'application/json', '{'],
])('%s is unexpected', async (_, status, contentType, body) => {
  const url = await serve(
    (_request, res) => void res.writeHead(status, { 'content-type': contentType }).end(body),
  )
  expect(await refused(createClient({ url }).getMe())).toMatchObject({ code: 'unexpected', status })
})

test('a redirect is not followed: the token is shown to no other host', async () => {
  const url = await serve((_, res) => void res.writeHead(307, { location: 'http://127.0.0.1:9/' }).end())
  expect(await refused(createClient({ url, token: 't' }).getMe())).toMatchObject({ code: 'unreachable' })
})

test('events arrive one by one, split as the network likes, heartbeats left out', async () => {
  const url = await serve((_, res) => {
    res.writeHead(200, { 'content-type': 'text/event-stream' })
    const text =
      ': hi\n\nevent: progress\ndata: {"state":"PENDING","promotion":null}\n\n:\n\ndata: {"state":\ndata: "REJECTED","promotion":null}\n\n'
    for (const character of text) res.write(character)
    res.end()
  })
  const states: string[] = []
  for await (const { state } of createClient({ url }).watchRequest('x')) states.push(state)
  expect(states).toEqual(['PENDING', 'REJECTED'])
})

test('changes are followed at their own address, and a stream that is something else is unexpected', async () => {
  const seen: (string | undefined)[] = []
  const url = await serve((req, res) => {
    seen.push(req.url, req.headers.authorization)
    const event = 'event: changes\ndata: {"all":true,"requests":[]}\n\n'
    if (seen.length > 2) res.writeHead(200, { 'content-type': 'text/html' }).end('<html>')
    else res.writeHead(200, { 'content-type': 'text/event-stream' }).end(event)
  })
  const client = createClient({ url, token: 'slu_x' })
  const events = []
  for await (const event of client.watchChanges()) events.push(event)
  expect(events).toEqual([{ all: true, requests: [] }])
  expect(events.map((event) => changesEvent.safeParse(event).success)).toEqual([true])
  expect(seen).toEqual(['/api/v1/events', 'Bearer slu_x'])
  expect(await refused(client.watchChanges().next())).toMatchObject({ code: 'unexpected' })
})

test('what is no problem document is no refusal, field by field', async () => {
  const whole = {
    type: 'about:blank',
    title: 'Conflict',
    status: 409,
    detail: 'taken',
    code: 'name_taken',
    requestId: 'r1',
    errors: [{ field: 'name', rule: 'taken', message: 'is taken' }],
  }
  let sent: unknown = whole
  const url = await serve(
    (_, res) =>
      void res.writeHead(409, { 'content-type': 'application/problem+json' }).end(JSON.stringify(sent)),
  )
  const code = async (body: unknown) => {
    sent = body
    return (await refused(createClient({ url }).getMe())).code
  }
  expect(await code(whole)).toBe('refused')
  for (const name of Object.keys(whole)) {
    const less = Object.fromEntries(Object.entries(whole).filter(([other]) => other !== name))
    expect(await code(less)).toBe('unexpected')
    // The schema and the client without it agree.
    expect(problem.safeParse(less).success).toBe(false)
  }
  expect(await code({ ...whole, errors: [{ field: 'name' }] })).toBe('unexpected')
  expect(await code(null)).toBe('unexpected')
})
