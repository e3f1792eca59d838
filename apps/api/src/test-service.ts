import { createHash } from 'node:crypto'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { type Operation, type OperationId, operations, problem } from '@sluice/contract'
import { readEnvironment } from '@sluice/contract/environment'
import { loadSecret, openStore } from '@sluice/store'
import { cloneDatabase } from '@sluice/testkit'
import pino from 'pino'
import { expect } from 'vitest'
import { startService } from './service.ts'

export const PASSWORD = 'correct horse'

// oxlint-disable-next-line typescript/no-explicit-any -- tests look into answers, whose form `call` has checked
export type Json = any
export type Answer = { status: number; headers: Headers; body: Json }

/** A real service over a real database of its own, with the seeded feeds and lane. */
export async function startTestService(
  env: Record<string, string> = {},
  {
    through = async (url) => url,
    now,
  }: { through?: (databaseUrl: string) => Promise<string>; now?: () => number } = {},
) {
  const database = await cloneDatabase()
  const dataDir = fs.mkdtempSync(path.join(os.tmpdir(), 'sluice-api-'))
  const settings = readEnvironment({ SLUICE_PORT: '0', SLUICE_DATA_DIR: dataDir, ...env })
  const secret = loadSecret(settings)
  const store = await openStore({ url: await through(database.apiUrl), secret, ...(now && { now }) })
  await store.accounts.seed({ adminPassword: PASSWORD, instance: 'test.example' })
  const service = await startService(store, settings, secret, pino({ level: 'silent' }))
  const { url } = service

  const ask = async (
    method: string,
    where: string,
    {
      token,
      body,
      headers = {},
    }: { token?: string | undefined; body?: unknown; headers?: Record<string, string> } = {},
  ): Promise<Answer> => {
    const response = await fetch(`${url}${where}`, {
      method,
      headers: {
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    const text = await response.text()
    const type = response.headers.get('content-type') ?? ''
    return {
      status: response.status,
      headers: response.headers,
      body: type.includes('json') ? JSON.parse(text) : text,
    }
  }

  /** A call of the contract; its answer is held to the contract, field by field. */
  const call = async (
    id: OperationId,
    token: string | undefined,
    input: {
      params?: Record<string, string>
      query?: Record<string, string>
      body?: unknown
      headers?: Record<string, string>
    } = {},
  ): Promise<Answer> => {
    const { method, path: template, answers }: Operation = operations[id]
    const where = template.replace(/\{([a-z]+)\}/g, (_, key: string) =>
      encodeURIComponent(input.params?.[key] ?? ''),
    )
    const query = new URLSearchParams(input.query ?? {}).toString()
    const answer = await ask(method, `/api/v1${where}${query && `?${query}`}`, { token, ...input })
    if (answer.status < 300) {
      const schema = answers[answer.status]
      expect(schema).toBeDefined()
      if (schema) expect(schema.safeParse(answer.body).error?.issues).toBeUndefined()
    } else {
      expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/)
      expect(problem.safeParse(answer.body).error?.issues).toBeUndefined()
      expect(answer.body.requestId).toBe(answer.headers.get('x-request-id'))
    }
    return answer
  }

  const signIn = async (username: string, password = PASSWORD): Promise<string> =>
    (await call('login', undefined, { body: { username, password } })).body.token

  const admin = await signIn('admin')

  return {
    url,
    admin,
    ask,
    call,
    signIn,
    ownerUrl: database.ownerUrl,
    workerUrl: database.workerUrl,
    /** Of the installation, which what is stored is sealed with. */
    secret,
    /** A person with these grants, as `feed: [verbs]`; answers its session token. */
    async person(username: string, grants: Record<string, string[]> = {}): Promise<string> {
      expect((await call('createUser', admin, { body: { username, password: PASSWORD } })).status).toBe(201)
      for (const [feed, verbs] of Object.entries(grants)) {
        const { body } = await call('getGrants', admin, { params: { feed } })
        const items = [...body.items, { principal: `user:${username}`, verbs }]
        expect((await call('putGrants', admin, { params: { feed }, body: items })).status).toBe(200)
      }
      // What an administrator has set counts against that administrator's own requests only.
      return signIn(username)
    },
    async [Symbol.asyncDispose]() {
      await service.close(0)
      await store.close()
      await database.drop()
      fs.rmSync(dataDir, { recursive: true, force: true })
    },
  }
}

export type TestService = Awaited<ReturnType<typeof startTestService>>

export const basic = (username: string, password = PASSWORD): string =>
  `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`

export const digestOf = (bytes: string | Uint8Array): string =>
  `sha256:${createHash('sha256').update(bytes).digest('hex')}`

/** Pushes a one-layer image whose content is `content`; answers its digest. */
export async function pushImage(
  url: string,
  name: string,
  tag: string,
  { content, authorization }: { content: string; authorization: string },
): Promise<string> {
  const blob = async (bytes: string): Promise<{ digest: string; size: number }> => {
    const digest = digestOf(bytes)
    const response = await fetch(`${url}/v2/${name}/blobs/uploads/?digest=${digest}`, {
      method: 'POST',
      headers: { authorization, 'content-type': 'application/octet-stream' },
      body: bytes,
    })
    expect(response.status).toBe(201)
    return { digest, size: Buffer.byteLength(bytes) }
  }
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: { mediaType: 'application/vnd.oci.image.config.v1+json', ...(await blob('{}')) },
    layers: [{ mediaType: 'application/vnd.oci.image.layer.v1.tar', ...(await blob(content)) }],
  })
  const response = await fetch(`${url}/v2/${name}/manifests/${tag}`, {
    method: 'PUT',
    headers: { authorization, 'content-type': 'application/vnd.oci.image.manifest.v1+json' },
    body: manifest,
  })
  expect(response.status).toBe(201)
  return digestOf(manifest)
}
