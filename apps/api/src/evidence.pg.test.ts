import { createHash, createHmac, generateKeyPairSync, sign } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { basic, pushImage, startTestService, type TestService } from './test-service.ts'

// Evidence and tickets as a pipeline and a ticket system send them, over HTTP.

const ci = generateKeyPairSync('ed25519')
const pem = ci.publicKey.export({ type: 'spki', format: 'pem' }).toString()
const from = ['key:ci', 'robot:scanner']
const policy = {
  keys: { ci: pem },
  gates: { tests: [{ from: ['key:ci'] }], vulnerabilities: { from }, ticket: { keys: ['jira'] } },
}

let service: TestService
let digest: string
const tokens: Record<string, string> = {}

beforeAll(async () => {
  service = await startTestService()
  const { admin, call } = service
  tokens['ci'] = await service.person('ci', { dev: ['pull', 'push'], trusted: ['request', 'pull'] })
  tokens['anna'] = await service.person('anna', { trusted: ['approve', 'pull'] })
  tokens['reader'] = await service.person('reader', { dev: ['pull'] })
  const { body } = await call('createToken', admin, { body: { name: 's', robot: 'scanner', scopes: ['*'] } })
  tokens['scanner'] = body.secret
  const { body: grants } = await call('getGrants', admin, { params: { feed: 'dev' } })
  const items = [...grants.items, { principal: 'robot:scanner', verbs: ['pull', 'push'] }]
  await call('putGrants', admin, { params: { feed: 'dev' }, body: items })
  digest = await pushImage(service.url, 'dev/app', '1.0.0', { content: 'x', authorization: basic('ci') })
  const written = await call('putLane', admin, { params: { lane: 'dev-to-trusted' }, body: { policy } })
  if (written.status !== 200) throw new Error(JSON.stringify(written.body))
}, 60_000)
afterAll(() => service[Symbol.asyncDispose]())

function attestation(about: string, result: string) {
  const payloadType = 'application/vnd.in-toto+json'
  const payload = JSON.stringify({
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ name: 'app', digest: { sha256: about.slice('sha256:'.length) } }],
    predicateType: 'https://in-toto.io/attestation/test-result/v0.1',
    predicate: { result },
  })
  const signed = `DSSEv1 ${payloadType.length} ${payloadType} ${payload.length} ${payload}`
  const sig = sign(null, Buffer.from(signed), ci.privateKey).toString('base64')
  return { payloadType, payload: Buffer.from(payload).toString('base64'), signatures: [{ sig }] }
}

const trivy = (about: string) => ({
  SchemaVersion: 2,
  ArtifactType: 'container_image',
  Metadata: { RepoDigests: [`reg/app@${about}`] },
  Results: [],
})

const image = { lane: 'dev-to-trusted', image: 'app:1.0.0' }
const verdicts = async () => {
  const { body } = await service.call('evaluateRequest', tokens['ci'], { body: image })
  return Object.fromEntries(
    body.gates.map((gate: { gate: string; verdict: string }) => [gate.gate, gate.verdict]),
  )
}

test('what a lane asks for is sent, verified, and lets the request be made', async () => {
  const { call, ask } = service
  expect(await verdicts()).toMatchObject({ tests: 'block', vulnerabilities: 'block', ticket: 'wait' })
  const refused = await call('createRequest', tokens['ci'], { body: image })
  expect(refused).toMatchObject({ status: 422, body: { code: 'gate_refused' } })
  expect(refused.body.context.gates.map(({ gate }: { gate: string }) => gate)).toEqual([
    'tests',
    'vulnerabilities',
  ])

  // As it is, to the byte.
  const raw = JSON.stringify(attestation(digest, 'PASSED'), null, 1)
  const headers = { 'content-type': 'application/json' }
  const sent = await ask('POST', '/api/v1/evidence', { token: tokens['ci'], body: raw, headers })
  expect(sent).toMatchObject({ status: 201, body: { digest, type: 'test', verified: 'dev-to-trusted/ci' } })
  expect(sent.body.sha256).toBe(`sha256:${createHash('sha256').update(raw).digest('hex')}`)
  expect((await ask('POST', '/api/v1/evidence', { token: tokens['ci'], body: raw, headers })).status).toBe(
    200,
  )
  const back = await call('getEvidence', tokens['reader'], { params: { id: sent.body.id } })
  expect(back.body.content).toBe(raw)

  // Wrapped; without a signature it is worth as much as who sends it.
  const content = trivy(digest)
  await call('addEvidence', tokens['ci'], { body: { content } })
  expect(await verdicts()).toMatchObject({ tests: 'pass', vulnerabilities: 'block' })
  const body = { digest, type: 'trivy', content: JSON.stringify(content) }
  expect((await call('addEvidence', tokens['scanner'], { body })).status).toBe(201)
  expect(await verdicts()).toMatchObject({ tests: 'pass', vulnerabilities: 'pass' })
  const list = await call('listEvidence', tokens['ci'], { query: { digest } })
  expect(list.body.items.map(({ receivedBy }: { receivedBy: string }) => receivedBy)).toEqual([
    'robot:scanner',
    'ci',
    'ci',
  ])
  const { body: view } = await call('getDigest', tokens['reader'], { params: { digest } })
  expect(view.evidence).toEqual(list.body.items)
})

test('a ticket system calls back with a signature, and nothing else does', async () => {
  const { call, ask, admin } = service
  const { body: request } = await call('createRequest', tokens['ci'], { body: image })
  const approve = () =>
    call('decideRequest', tokens['anna'], {
      params: { id: request.id },
      body: { decision: 'approve', digest },
    })
  expect(await approve()).toMatchObject({ status: 422, body: { code: 'gate_refused' } })

  const params = { lane: 'dev-to-trusted', key: 'jira' }
  expect((await call('getTicketKey', tokens['ci'], { params })).status).toBe(403)
  const { secret } = (await call('getTicketKey', admin, { params })).body
  const other = (await call('getTicketKey', admin, { params: { ...params, key: 'snow' } })).body.secret
  expect(other).not.toBe(secret)

  const at = new Date().toISOString()
  const said = (over: object = {}) =>
    JSON.stringify({ request: request.id, ticket: 'CHG-1', state: 'approved', at, ...over })
  const report = (body: string, { key = 'jira', by = secret, id = request.id } = {}) =>
    ask('POST', `/api/v1/requests/${id}/tickets`, {
      body,
      headers: {
        'sluice-key': key,
        'sluice-signature': `sha256=${createHmac('sha256', by).update(body).digest('hex')}`,
      },
    })
  const unsigned = await ask('POST', `/api/v1/requests/${request.id}/tickets`, { token: admin, body: said() })
  expect(unsigned.status).toBe(400)
  const refusals: [Promise<{ status: number }>, number][] = [
    [report(said(), { by: 'guess' }), 401],
    [report(said(), { by: other }), 401],
    [report(said(), { key: 'snow', by: other }), 401],
    [report(said(), { id: '00000000-0000-4000-8000-000000000000' }), 401],
    [report(said({ request: '00000000-0000-4000-8000-000000000000' })), 400],
    [report(said({ at: '2099-01-01T00:00:00Z' })), 400],
    [report(said({ extra: 1 })), 400],
  ]
  for (const [attempt, status] of refusals) expect((await attempt).status).toBe(status)
  expect((await approve()).status).toBe(422)
  expect((await report(said())).status).toBe(204)
  expect((await report(said())).status).toBe(204)
  expect(await approve()).toMatchObject({ status: 201, body: { state: 'APPROVED' } })
})

test('evidence is refused, and the answer says which field and why', async () => {
  const { call } = service
  const second = await pushImage(service.url, 'dev/app', '2.0.0', {
    content: 'y',
    authorization: basic('ci'),
  })
  const send = async (body: unknown, token = tokens['ci']) => {
    const { status, body: problem } = await call('addEvidence', token, { body })
    return [status, problem.code, problem.errors?.[0]?.field]
  }
  expect(await send({ digest: second, content: attestation(digest, 'PASSED') })).toEqual([
    409,
    'digest_mismatch',
    'digest',
  ])
  expect(await send({ content: '<testsuite/>' })).toEqual([400, 'invalid', 'content'])
  expect(await send({ content: '<testsuite><testcase/></testsuite>' })).toEqual([400, 'invalid', 'digest'])
  expect(await send({ content: {}, sha: 1 })).toEqual([400, 'invalid', 'sha'])
  expect(await send(`${'['.repeat(200)}${']'.repeat(200)}`)).toEqual([400, 'invalid', ''])
  expect(await send({ any: 1 })).toEqual([400, 'invalid', 'content'])
  expect(await send({ digest, type: 'sbom', content: trivy(digest) })).toEqual([400, 'invalid', 'type'])
  // Whoever brings no images to a feed says nothing about them, and learns nothing.
  expect((await send(attestation(digest, 'FAILED'), tokens['reader'])).slice(0, 2)).toEqual([
    404,
    'digest_unknown',
  ])
  const list = await call('listEvidence', await service.person('nobody'), { query: { digest } })
  expect(list.status).toBe(404)
})

test('16 MiB of evidence is taken, more is not', async () => {
  const { call } = service
  const padded = (bytes: number) => {
    const empty = JSON.stringify({ ...trivy(digest), note: '' })
    return JSON.stringify({ ...trivy(digest), note: 'x'.repeat(bytes - empty.length) })
  }
  const limit = 16 * 1024 * 1024
  const large = await call('addEvidence', tokens['ci'], { body: { digest, content: padded(limit) } })
  expect(large).toMatchObject({ status: 201, body: { size: limit } })
  const huge = await call('addEvidence', tokens['ci'], {
    body: { digest, content: 'x'.repeat(41 * 1024 * 1024) },
  })
  expect(huge.status).toBe(413)
}, 60_000)
