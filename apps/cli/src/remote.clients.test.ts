import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { PassThrough } from 'node:stream'
import { until } from '@sluice/testkit'
import { beforeAll, expect, test } from 'vitest'
import { buildImage, sha256 } from './demo/image.ts'
import { push, type Repository, send } from './demo/registry.ts'
import { run } from './run.ts'
import { LOGIN, notifyingRegistry } from './testdata/notifying-registry.ts'
import { startService } from './testdata/service.ts'

// Remote feeds by the command line alone, against a real docker-registry that asks for a password and notifies.

const passwords: Record<string, string> = {
  admin: 'correct horse battery',
  ada: 'ada-ada-ada',
  bob: 'bob-bob-bob',
}
const home = fs.mkdtempSync(path.join(os.tmpdir(), 'sluice-cli-remote-'))
let service: Awaited<ReturnType<typeof startService>>
let registry: Awaited<ReturnType<typeof notifyingRegistry>>
/** Everything that was written to a terminal; no secret is in it. */
const written: string[] = []

type Result = { code: number; stdout: string; stderr: string }

async function sluice(
  user: string,
  line: string | readonly string[],
  {
    stdin = '',
    env = {},
    terminal = false,
  }: { stdin?: string; env?: Record<string, string>; terminal?: boolean } = {},
): Promise<Result> {
  const stream = () => Object.assign(new PassThrough(), { isTTY: terminal, columns: 120 })
  const [input, out, err] = [new PassThrough(), stream(), stream()]
  input.end(stdin)
  const args = typeof line === 'string' ? line.split(' ') : line
  const shell = {
    env: { XDG_CONFIG_HOME: path.join(home, user), ...env },
    stdin: input,
    stdout: out,
    stderr: err,
  }
  const code = await run(args, shell)
  const [stdout, stderr] = [String(out.read() ?? ''), String(err.read() ?? '')]
  written.push(stdout, stderr)
  return { code, stdout, stderr }
}

async function ok(
  user: string,
  line: string | readonly string[],
  more: { stdin?: string } = {},
): Promise<string> {
  const { code, stdout, stderr } = await sluice(user, line, more)
  expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' })
  return stdout
}

const there = (name: string): Repository => ({ url: registry.url, name, ...LOGIN })

/** The manifest that docker-registry serves to who takes OCI's types. */
async function read(reference: string): Promise<Buffer> {
  const answer = await fetch(`${registry.url}/v2/team/app/manifests/${reference}`, {
    headers: {
      authorization: `Basic ${btoa(`${LOGIN.user}:${LOGIN.password}`)}`,
      accept: 'application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json',
    },
  })
  expect(answer.status).toBe(200)
  return Buffer.from(await answer.arrayBuffer())
}

beforeAll(async () => {
  service = await startService(passwords['admin'] ?? '')
  registry = await notifyingRegistry()
  const login = (user: string) =>
    ok(user, ['login', '--url', service.url, '-u', user, '--password-stdin'], {
      stdin: `${passwords[user]}\n`,
    })
  await login('admin')
  for (const name of ['ada', 'bob']) {
    await ok('admin', `users create ${name} --password-stdin`, { stdin: `${passwords[name]}\n` })
    await login(name)
  }
  return async () => {
    await registry.stop()
    await service.stop()
    fs.rmSync(home, { recursive: true, force: true })
  }
})

test('a remote feed is made, tried, given another password, and removed', async () => {
  const make = `feeds create far --stage prod --trusted --kind remote --registry ${registry.url} --plain-http loopback --bandwidth 500000`
  expect(
    await ok('admin', `${make} --prefix team --username ci --password-stdin`, { stdin: 'not-this-one\n' }),
  ).toMatch(/feed +far[\s\S]*trusted +yes\nkind +remote\nregistry +http:\S+\/team \(as ci\)/)
  await registry.start(JSON.parse(await ok('admin', 'feeds notification-key far --json')))
  const refused = await sluice('admin', 'feeds test far')
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('give the feed credentials') })
  expect(refused.stdout).toMatch(/connect +failed/)
  await ok('admin', 'feeds credentials far --username ci --password-stdin', { stdin: `${LOGIN.password}\n` })
  expect(await ok('admin', 'feeds test far --repository app')).toMatch(/connect +ok[\s\S]*read +ok/)
  expect(await sluice('ada', 'feeds test far')).toMatchObject({ code: 1 })
  expect(await ok('admin', 'feeds list')).toMatch(/^far +remote +prod +yes/m)
  await ok('admin', `feeds create gone --stage x --kind remote --registry https://registry.example`)
  await ok('admin', 'feeds delete gone')
  expect(await ok('admin', 'feeds list')).not.toContain('gone')
})

test.each([
  ['a password on the command line', '--username ci --password secret', /unknown option/],
  ['a user name without a password', '--username ci', /--password-stdin/],
  ['no registry', '', /--registry https:/],
])('%s is a usage error', async (_, more, words) => {
  const registryToo = more === '' ? '' : ` --registry ${registry.url} ${more}`
  const { code, stderr } = await sluice('admin', `feeds create bad --stage x --kind remote${registryToo}`)
  expect([code, stderr]).toEqual([2, expect.stringMatching(words)])
})

test('apply makes remote feeds with secrets out of the environment, and then finds nothing to change', async () => {
  const file = (prefix: string) => `
feeds:
  - name: copies
    kind: remote
    stage: copies
    remote:
      url: ${registry.url}
      prefix: ${prefix}
      plainHttp: loopback
      repositories: [app, web]
      credentials: { type: basic, username: ci, passwordEnv: THERE }
`
  const apply = (prefix: string, env: Record<string, string>, ...more: string[]) =>
    sluice('admin', ['apply', ...more, '-f', '-'], { stdin: file(prefix), env })
  expect(await apply('copies', {})).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('THERE is not set'),
  })
  const env = { THERE: LOGIN.password }
  expect(await apply('copies', env, '--dry-run')).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('copies'),
  })
  expect(await ok('admin', 'feeds list')).not.toMatch(/^copies /m)
  expect(await apply('copies', env)).toMatchObject({ code: 0 })
  expect(await ok('admin', 'feeds test copies')).toMatch(/connect +ok/)
  expect(await apply('copies', env)).toMatchObject({ code: 0, stdout: 'nothing to change\n' })
  expect(await apply('others', env)).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('+ remote.prefix: "others"'),
  })
  expect(JSON.parse(await ok('admin', 'feeds get copies --json'))).toMatchObject({
    remote: { prefix: 'others' },
  })
  const listed = await sluice('admin', 'feeds repositories copies')
  expect(listed).toMatchObject({
    code: 0,
    stdout: 'copies/app\ncopies/web\n',
    stderr: expect.stringContaining('not asked for its list'),
  })
})

/** Hangs what a layer says on an image of the feed dev, as ada would. */
async function hang(
  subject: { digest: string; manifest: Buffer },
  layer: Buffer,
  mediaType: string,
): Promise<string> {
  const type = 'application/vnd.oci.image.manifest.v1+json'
  const dev = { url: service.url, name: 'dev/app', user: 'ada', password: passwords['ada'] ?? '' }
  const described = async (bytes: Buffer, as: string) => {
    const digest = sha256(bytes)
    const answer = await send(
      dev,
      'POST',
      `blobs/uploads/?digest=${digest}`,
      bytes,
      'application/octet-stream',
    )
    expect(answer.status).toBe(201)
    return { mediaType: as, digest, size: bytes.length }
  }
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: type,
      artifactType: mediaType,
      config: await described(Buffer.from('{}'), 'application/vnd.oci.empty.v1+json'),
      layers: [await described(layer, mediaType)],
      subject: { mediaType: type, digest: subject.digest, size: subject.manifest.length },
    }),
  )
  const digest = sha256(manifest)
  expect((await send(dev, 'PUT', `manifests/${digest}`, manifest, type)).status).toBe(201)
  return digest
}

const statement = (digest: string, run: string) =>
  Buffer.from(
    JSON.stringify({
      _type: 'https://in-toto.io/Statement/v1',
      subject: [{ name: 'app', digest: { sha256: digest.slice('sha256:'.length) } }],
      predicateType: 'https://in-toto.io/attestation/test-result/v0.1',
      predicate: { result: 'PASSED', passedTests: [run], failedTests: [] },
    }),
  )

test('promoted there, watched to its end; what comes later follows; a tag set by another way is an alert', async () => {
  const configuration = `
grants:
  dev: [{ principal: ada, verbs: [pull, push] }, { principal: admin, verbs: [pull, admin] }]
  far:
    - { principal: ada, verbs: [pull, request] }
    - { principal: bob, verbs: [pull, approve] }
    - { principal: admin, verbs: [pull, admin] }
lanes:
  - { name: dev-to-far, from: dev, to: far, policy: { gates: { tests: [{ from: ['user:ada'] }] } } }
`
  await ok('admin', ['apply', '-f', '-'], { stdin: configuration })
  // Some seconds at the bandwidth that the feed may use.
  const image = buildImage(randomBytes(2_250_000).toString('base64'))
  const dev = { url: service.url, name: 'dev/app', user: 'ada', password: passwords['ada'] ?? '' }
  await push(dev, image, '1.0.0')
  const { digest, manifest } = image
  await hang({ digest, manifest }, statement(digest, 'before'), 'application/vnd.in-toto+json')
  const made = JSON.parse(await ok('ada', 'request app:1.0.0 --lane dev-to-far --json'))
  const watched = sluice('ada', `status ${made.id} --watch`, { terminal: true })
  await ok('bob', `approve ${made.id} --digest ${digest}`)
  const { code, stdout, stderr } = await watched
  expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringMatching(/PENDING[\s\S]*SUCCEEDED/) })
  // A bar that is painted over, and gone at the end.
  expect(stderr).toMatch(
    /far\/app:1\.0\.0 {2}\[#+-+\] {2}[\d.]+ MB of 2\.\d MB {2}\d of 4 blobs {2}\d+ [kM]B\/s {2}\d+ s left\n/,
  )
  expect(stderr).toContain('\u001b[1A\u001b[J')
  const host = new URL(registry.url).host
  expect(stdout.trimEnd().split('\n').at(-1)).toMatch(
    new RegExp(`^pull +docker pull ${host}/team/app@${digest}$`),
  )
  expect(sha256(await read('1.0.0'))).toBe(digest)
  expect(await ok('ada', 'feeds tags far/app')).toContain(digest)
  expect(await ok('ada', 'verify far/app:1.0.0')).toMatch(/allowed +yes/)

  const late = await hang({ digest, manifest }, statement(digest, 'after'), 'application/vnd.in-toto+json')
  const sbom = Buffer.from(JSON.stringify({ bomFormat: 'CycloneDX', specVersion: '1.6', components: [] }))
  const unasked = await hang({ digest, manifest }, sbom, 'application/vnd.cyclonedx+json')
  expect(await sluice('bob', `referrers scan ${made.id}`)).toMatchObject({ code: 3 })
  await ok('ada', `referrers scan ${made.id}`)
  const list = () => ok('ada', `referrers list ${made.id}`)
  const settled = await until(
    async () => {
      const text = await list()
      return /admitted/.test(text) && /refused/.test(text) ? text : null
    },
    { what: 'what came later', timeoutMs: 30_000 },
  )
  expect(settled).toMatch(new RegExp(`^admitted +test user:ada +${late} +far/app@${digest}`, 'm'))
  expect(settled).toMatch(new RegExp(`^refused +.*${unasked}.*`, 'm'))
  // docker-registry keeps no referrers, so that a tag stands for them.
  const fallback: { manifests: { digest: string }[] } = JSON.parse(
    (await read(digest.replace(':', '-'))).toString(),
  )
  const referrers = fallback.manifests.map((one) => one.digest)
  expect(referrers).toContain(late)
  expect(referrers).not.toContain(unasked)

  await push(there('team/app'), buildImage('somebody else\n'), 'evil')
  const alert = await until(
    async () => JSON.parse(await ok('bob', 'alerts list --feed far --json')).items[0],
    // By the registry's own notification: the schedule would take minutes.
    { what: 'the alert', timeoutMs: 20_000 },
  )
  expect(alert).toMatchObject({ feed: 'far', repository: 'app', tag: 'evil', expected: null })
  const resolve = (user: string, how: string) =>
    sluice(user, ['alerts', 'resolve', alert.id, '--as', how, '-m', 'seen'])
  expect(await resolve('bob', 'accepted')).toMatchObject({ code: 3 })
  expect(await resolve('admin', 'restored')).toMatchObject({
    code: 3,
    stderr: expect.stringContaining('put it back'),
  })
  expect(await resolve('admin', 'accepted')).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/state +accepted/),
  })
  expect(await ok('bob', 'alerts list --feed far')).not.toContain(alert.id)
})

test('no secret was shown', () => {
  expect(written.join('').length).toBeGreaterThan(1_000)
  for (const secret of [LOGIN.password, 'not-this-one']) expect(written.join('')).not.toContain(secret)
})
