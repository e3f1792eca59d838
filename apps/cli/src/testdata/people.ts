import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { PassThrough } from 'node:stream'
import { expect } from 'vitest'
import { buildImage } from '../demo/image.ts'
import { push } from '../demo/registry.ts'
import { run } from '../run.ts'
import { startService } from './service.ts'

export type Result = { code: number; stdout: string; stderr: string }

export const configuration = `
feeds:
  - { name: staging, stage: staging, tagRules: { immutable: [release] } }
grants:
  dev:
    - { principal: admin, verbs: [pull, push, request, approve, admin] }
    - { principal: 'user:ada', verbs: [pull, push] }
  trusted:
    - { principal: ada, verbs: [pull, request, approve] }
    - { principal: bob, verbs: [pull, approve, recall] }
    - { principal: admin, verbs: [pull, admin] }
lanes:
  - { name: dev-to-trusted, from: dev, to: trusted, policy: { gates: { quorum: [{ count: 1 }] } } }
  - { name: dev-to-staging, from: dev, to: staging, policy: { requestExpiresAfter: { hours: 1 } } }
`

/** A service with this configuration, and the people who use it by the command line: admin, ada and bob. */
export async function openPeople() {
  const adminPassword = 'correct horse battery staple'
  const passwords: Record<string, string> = { admin: adminPassword, ada: 'ada-ada-ada', bob: 'bob-bob-bob' }
  const home = fs.mkdtempSync(path.join(os.tmpdir(), 'sluice-cli-'))
  const file = path.join(home, 'sluice.yaml')
  const service = await startService(adminPassword)

  /** One command line as this user, who keeps a sign-in of its own. */
  const sluice = async (user: string, line: string | readonly string[], stdin = ''): Promise<Result> => {
    const [input, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()]
    input.end(stdin)
    const env = { XDG_CONFIG_HOME: path.join(home, user) }
    const args = typeof line === 'string' ? line.split(' ') : line
    const code = await run(args, { env, stdin: input, stdout, stderr })
    return { code, stdout: String(stdout.read() ?? ''), stderr: String(stderr.read() ?? '') }
  }

  const ok = async (user: string, line: string | readonly string[], stdin = ''): Promise<string> => {
    const { code, stdout, stderr } = await sluice(user, line, stdin)
    expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' })
    return stdout
  }

  const login = (user: string): Promise<string> =>
    ok(user, ['login', '--url', service.url, '-u', user, '--password-stdin'], `${passwords[user]}\n`)

  /** Pushes an image of its own to `dev` and answers its digest. */
  const pushed = async (tag: string): Promise<string> => {
    const image = buildImage(`${tag}\n`)
    const password = passwords['ada'] ?? ''
    const repository = { url: service.url, name: 'dev/team/app', user: 'ada', password }
    await push(repository, image, tag)
    return image.digest
  }

  const session = async (username: string): Promise<string> => {
    const answer = await fetch(`${service.url}/api/v1/auth/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ username, password: passwords[username] }),
    })
    const { token } = JSON.parse(await answer.text())
    return token
  }

  const post = async (user: string, where: string, body: object): Promise<Response> =>
    fetch(`${service.url}/api/v1${where}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${await session(user)}` },
      body: JSON.stringify(body),
    })

  const ownPassword = async (user: string, next: string): Promise<void> => {
    expect((await post(user, '/me/password', { current: passwords[user], next })).status).toBe(204)
    passwords[user] = next
    await login(user)
  }

  try {
    await login('admin')
    for (const name of ['ada', 'bob']) {
      await ok('admin', `users create ${name} --password-stdin`, `${passwords[name]}\n`)
      await login(name)
    }
    fs.writeFileSync(file, configuration)
    await ok('admin', `apply -f ${file}`)
  } catch (error) {
    await service.stop()
    throw error
  }
  return { service, adminPassword, passwords, home, file, sluice, ok, pushed, post, ownPassword }
}

export type People = Awaited<ReturnType<typeof openPeople>>
