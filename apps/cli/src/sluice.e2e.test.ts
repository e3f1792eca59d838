import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { PassThrough } from 'node:stream'
import { until } from '@sluice/testkit'
import { beforeAll, expect, test } from 'vitest'
import { demo } from './demo/demo.ts'
import { buildImage } from './demo/image.ts'
import { push } from './demo/registry.ts'
import { run } from './run.ts'
import { startService } from './testdata/service.ts'

const adminPassword = 'correct horse battery staple'
const passwords: Record<string, string> = { admin: adminPassword, ada: 'ada-ada-ada', bob: 'bob-bob-bob' }
const home = fs.mkdtempSync(path.join(os.tmpdir(), 'sluice-cli-'))
let service: Awaited<ReturnType<typeof startService>>

type Result = { code: number; stdout: string; stderr: string }

/** One command line as this user, who keeps a sign-in of its own. */
async function sluice(user: string, line: string | readonly string[], stdin = ''): Promise<Result> {
  const [input, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()]
  input.end(stdin)
  const env = { XDG_CONFIG_HOME: path.join(home, user) }
  const args = typeof line === 'string' ? line.split(' ') : line
  const code = await run(args, { env, stdin: input, stdout, stderr })
  return { code, stdout: String(stdout.read() ?? ''), stderr: String(stderr.read() ?? '') }
}

async function ok(user: string, line: string | readonly string[], stdin = ''): Promise<string> {
  const { code, stdout, stderr } = await sluice(user, line, stdin)
  expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' })
  return stdout
}

const login = (user: string): Promise<string> =>
  ok(user, ['login', '--url', service.url, '-u', user, '--password-stdin'], `${passwords[user]}\n`)

const configuration = `
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
const file = path.join(home, 'sluice.yaml')

/** Pushes an image of its own to `dev` and answers its digest. */
async function pushed(tag: string): Promise<string> {
  const image = buildImage(`${tag}\n`)
  const repository = { url: service.url, name: 'dev/team/app', user: 'ada', password: passwords['ada'] ?? '' }
  await push(repository, image, tag)
  return image.digest
}

async function group(name: string, members: readonly string[]): Promise<void> {
  expect((await post('admin', '/groups', { name, members })).status).toBe(201)
}

async function ownPassword(user: string, next: string): Promise<void> {
  expect((await post(user, '/me/password', { current: passwords[user], next })).status).toBe(204)
  passwords[user] = next
  await login(user)
}

const post = async (user: string, where: string, body: object): Promise<Response> =>
  fetch(`${service.url}/api/v1${where}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${await session(user)}` },
    body: JSON.stringify(body),
  })

beforeAll(async () => {
  service = await startService(adminPassword)
  await login('admin')
  for (const name of ['ada', 'bob']) {
    await ok('admin', `users create ${name} --password-stdin`, `${passwords[name]}\n`)
    await login(name)
  }
  fs.writeFileSync(file, configuration)
  await ok('admin', `apply -f ${file}`)
  return () => service.stop()
})

test('the demonstration ends well', async () => {
  const steps: string[] = []
  await demo({ url: service.url, adminPassword, run: 'e2e', say: (step) => steps.push(step) })
  expect(steps).toEqual(
    expect.arrayContaining([
      'self-approval is refused',
      'the digests are the same',
      'both persons are disabled',
    ]),
  )
})

test('apply makes it so once, and then finds nothing to change', async () => {
  expect(await ok('admin', `apply -f ${file}`)).toBe('nothing to change\n')
  const changed = configuration.replace('hours: 1 ', 'hours: 2 ')
  const before = await ok('admin', 'lanes get dev-to-staging')
  expect(await ok('admin', 'apply --dry-run -f -', changed)).toBe(
    'change lane dev-to-staging\n  - requestExpiresAfter.hours: 1\n  + requestExpiresAfter.hours: 2\n',
  )
  expect(await ok('admin', 'lanes get dev-to-staging')).toBe(before)
  expect(JSON.parse(await ok('admin', 'lanes get dev-to-trusted --json'))).toMatchObject({ version: 1 })
  const other = configuration.replace('from: dev, to: staging', 'from: trusted, to: staging')
  expect(await sluice('admin', 'apply -f -', other)).toMatchObject({ code: 3 })
})

test('lanes by apply: made with gates, unchanged by the same file, changed, and refused with path and reason', async () => {
  const lane = (policy: string, name = 'gated') =>
    `lanes:\n  - { name: ${name}, from: dev, to: staging, policy: ${policy} }\n`
  const gates = `{ gates: { vulnerabilities: { from: ['user:ada'] }, ticket: { keys: [jira] }, soak: { minutes: 5 } } }`
  expect(await ok('admin', 'apply -f -', lane(gates))).toContain('create lane gated\n')
  expect(await ok('admin', 'apply -f -', lane(gates))).toBe('nothing to change\n')
  expect(await ok('admin', 'apply -f -', lane(gates.replace('5', '6')))).toBe(
    'change lane gated\n  - gates.soak.minutes: 5\n  + gates.soak.minutes: 6\n',
  )
  await group('pair', ['ada', 'bob'])
  for (const [policy, ...said] of [
    ['{ gates: { vulnerabilites: {} } }', 'gates.vulnerabilites', 'did you mean "vulnerabilities"?'],
    ['{ gates: { soak: { minute: 5 } } }', 'gates.soak.minute', 'did you mean "minutes"?'],
    ['{ gate: {} }', 'gate: ', 'did you mean "gates"?'],
    [`{ gates: { quorum: [{ count: 1, group: nobody }] } }`, 'gates.quorum[0].group', 'no group nobody'],
    [`{ gates: { quorum: [{ count: 3, group: pair }] } }`, 'gates.quorum[0].count', 'pair has 2 members'],
    [`{ gates: { sbom: { from: ['key:ci'] } } }`, 'gates.sbom.from[0]', 'no key of this lane'],
  ] as const) {
    for (const name of ['gated', 'never']) {
      const { code, stderr } = await sluice('admin', 'apply -f -', lane(policy, name))
      expect({ policy, code, missing: said.filter((part) => !stderr.includes(part)) }).toEqual({
        policy,
        code: expect.any(Number),
        missing: [],
      })
      expect(code).not.toBe(0)
    }
  }
  expect(JSON.parse(await ok('admin', 'lanes get gated --json'))).toMatchObject({
    version: 2,
    policy: { gates: { soak: { minutes: 6 } } },
  })
  expect(await sluice('admin', 'lanes get never')).toMatchObject({ code: 1 })
})

test('from request to pull: by digest, by another person, waited for', async () => {
  const digest = await pushed('1.0.0')
  const asked = sluice(
    'ada',
    'request team/app:1.0.0 --lane dev-to-trusted --tag 1.0.0 --link build=http://ci --wait',
  )
  const listed = async (): Promise<unknown> =>
    JSON.parse(await ok('bob', `list --digest ${digest} --json`)).items[0]?.id
  const id = String(await until(listed, { what: 'the request' }))
  expect(await sluice('ada', `approve ${id} --digest ${digest}`)).toMatchObject({ code: 3 })
  expect(await sluice('bob', `approve ${id} --digest sha256:${'0'.repeat(64)}`)).toMatchObject({ code: 3 })
  await ok('bob', ['approve', id, '--digest', digest, '-m', 'tested\u001b[2J'])
  const { code, stdout, stderr } = await asked
  expect(code).toBe(0)
  expect(stderr).toMatch(/PENDING[\s\S]*SUCCEEDED/)
  expect(stdout).toContain(`docker pull ${new URL(service.url).host}/trusted/team/app@${digest}\n`)
  expect(stdout).toContain('tested\\u001b[2J')
  expect(await ok('ada', 'verify trusted/team/app:1.0.0')).toMatch(/allowed +yes[\s\S]*approvers +bob/)
  expect(await ok('ada', `verify ${digest}`)).toMatch(/allowed +yes/)
  expect(await ok('ada', 'history trusted/team/app')).toContain(digest)
  expect(await ok('ada', 'history trusted/team/app:1.0.0')).toContain(digest)
  const host = new URL(service.url).host
  const tags = await ok('ada', 'feeds tags trusted/team/app')
  expect(tags).toMatch(/^1\.0 → 1\.0\.0 [\s\S]*^1\.0\.0 [\s\S]*^latest → 1\.0\.0 /m)
  expect(tags).toContain(`docker pull ${host}/trusted/team/app:latest\n`)
  const promoted = JSON.parse(await ok('ada', `status ${id} --json`))
  expect(promoted.pullCommand).toBe(`docker pull ${host}/trusted/team/app@${digest}`)
  expect(await ok('ada', 'verify trusted/team/app:latest')).toMatch(/allowed +yes/)
  expect(await ok('ada', 'history trusted/team/app:1.0.0')).toMatch(new RegExp(` bob +${id} `))
})

test('a recall stops pulls and verify, until a restore was approved', async () => {
  const digest = await pushed('1.0.1')
  const asked = JSON.parse(await ok('ada', 'request team/app:1.0.1 --lane dev-to-trusted --json'))
  await ok('bob', `approve ${asked.id} --digest ${digest}`)
  await ok('ada', `status ${asked.id} --watch`)
  const refusedWith = (command: string) => sluice('ada', command)
  expect(await refusedWith(`recalls create ${digest} --feed trusted --reason no`)).toMatchObject({ code: 3 })
  const made = ['recalls', 'create', digest, '--feed', 'trusted', '--reason', 'CVE-1']
  expect(await ok('bob', made)).toMatch(/reaches +trusted\/team\/app@sha256:\w+ +1\.0\.1/)
  expect(await ok('ada', 'recalls list --feed trusted')).toMatch(/stands +CVE-1/)
  for (const image of ['trusted/team/app:1.0.1', digest]) {
    const { code, stdout } = await sluice('ada', `verify ${image}`)
    expect({ code, stdout }).toEqual({ code: 3, stdout: expect.stringMatching(/recalled +\S+: CVE-1/) })
  }
  const pull = await fetch(`${service.url}/v2/trusted/team/app/manifests/1.0.1`, {
    headers: { authorization: `Basic ${btoa(`ada:${passwords['ada']}`)}` },
  })
  expect([pull.status, await pull.text()]).toEqual([403, expect.stringContaining('CVE-1')])
  const back = [
    'request',
    `team/app@${digest}`,
    '--lane',
    'dev-to-trusted',
    '--kind',
    'restore',
    '--reason',
    'fine',
  ]
  const { id } = JSON.parse(await ok('ada', [...back, '--json']))
  await ok('bob', `approve ${id} --digest ${digest}`)
  expect(await ok('ada', `status ${id} --watch`)).toMatch(/kind +restore/)
  expect(await ok('ada', 'verify trusted/team/app:1.0.1')).toMatch(/allowed +yes/)
})

test('a robot reports what runs; who recalls it is told where', async () => {
  const digest = await pushed('1.0.7')
  const asked = JSON.parse(await ok('ada', 'request team/app:1.0.7 --lane dev-to-trusted --json'))
  await ok('bob', `approve ${asked.id} --digest ${digest}`)
  await ok('ada', `status ${asked.id} --watch`)
  expect(await ok('admin', 'sites create prod-eu')).toMatch(/state +unreported/)
  const token = 'tokens create prod-eu --robot prod-eu --scope report:prod-eu --json'
  const { secret } = JSON.parse(await ok('admin', token))
  expect(await ok('admin', 'sites set prod-eu --reporter robot:prod-eu --stale-after 2')).toMatch(
    /reporters +robot:prod-eu/,
  )
  const report = async (stdin: string, ...more: string[]): Promise<Result> => {
    const [input, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()]
    input.end(stdin)
    const env = { XDG_CONFIG_HOME: home, SLUICE_URL: service.url, SLUICE_TOKEN: secret }
    const code = await run(['running', 'report', 'prod-eu', ...more], { env, stdin: input, stdout, stderr })
    return { code, stdout: String(stdout.read() ?? ''), stderr: String(stderr.read() ?? '') }
  }
  const strange = `sha256:${'9'.repeat(64)}`
  const lines = [`host/trusted/team/app:1.0.7\tdocker-pullable://host/x@${digest}`, `y ${strange}`, 'z:1 ']
  expect(await report(lines.join('\n'))).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/digests +2\nbegan +2\nended +0/),
    stderr: '1 lines name no digest: containers that have not started\n',
  })
  expect(await report('')).toMatchObject({ code: 2, stderr: expect.stringContaining('--none') })
  expect(await ok('admin', 'sites list')).toMatch(/prod-eu +current +\S+ +0 +1 +0 +1/)
  expect(await ok('admin', 'running list --standing unknown')).toMatch(
    new RegExp(`prod-eu +unknown +${strange}`),
  )
  expect(await ok('ada', `where ${digest}`)).toMatch(
    /prod-eu +admitted .* now +host\/trusted\/team\/app:1\.0\.7/,
  )
  const made = ['recalls', 'create', digest, '--feed', 'trusted', '--reason', 'CVE-7']
  expect(await ok('bob', made)).toMatch(new RegExp(`runs in +prod-eu +${digest} +since`))
  expect(await ok('ada', 'running list --standing recalled')).toContain(digest)
  expect(await report('', '--none')).toMatchObject({ code: 0, stdout: expect.stringMatching(/ended +2/) })
  expect(await ok('ada', `where ${digest}`)).not.toContain('prod-eu')
  expect(await ok('ada', `where ${digest} --past`)).toContain('prod-eu')
  expect(await sluice('ada', 'sites delete prod-eu')).toMatchObject({ code: 3 })
  await ok('admin', 'sites delete prod-eu')
  expect(await report(strange)).toMatchObject({ code: 1 })
})

test('a purge takes two persons who do not know each other’s password; then the digest is gone', async () => {
  const digest = await pushed('1.0.2')
  const asked = JSON.parse(await ok('ada', 'request team/app:1.0.2 --lane dev-to-trusted --json'))
  await ok('bob', `approve ${asked.id} --digest ${digest}`)
  await ok('ada', `status ${asked.id} --watch`)
  const open = ['purge', 'open', digest, '--reason', 'leaked key', '--json']
  expect(await sluice('admin', open)).toMatchObject({
    code: 3,
    stderr: expect.stringContaining('not recalled'),
  })
  await ok('bob', ['recalls', 'create', digest, '--feed', 'trusted', '--reason', 'leak'])
  expect((await sluice('bob', open)).code).toBe(3)
  const { id } = JSON.parse(await ok('admin', open))
  expect(JSON.parse(await ok('admin', open)).id).toBe(id)
  expect((await sluice('admin', `purge confirm ${id}`)).stderr).toContain('another person')
  expect((await sluice('ada', `purge confirm ${id}`)).stderr).toContain('purge')
  expect((await sluice('bob', `purge confirm ${id}`)).stderr).toContain('password')
  await ownPassword('bob', 'bob-on-his-own')
  expect(await ok('bob', `purge confirm ${id}`)).toMatch(new RegExp(`purged by bob .*\\n.*${digest}`))
  expect(await ok('admin', 'purge list')).toMatch(/purged by bob +leaked key/)
  const pull = await fetch(`${service.url}/v2/dev/team/app/manifests/${digest}`, {
    headers: { authorization: `Basic ${btoa(`ada:${passwords['ada']}`)}` },
  })
  expect([pull.status, await pull.text()]).toEqual([404, expect.stringContaining(id)])
  await expect(pushed('1.0.2')).rejects.toThrow(/403|purged/)
})

async function session(username: string): Promise<string> {
  const answer = await fetch(`${service.url}/api/v1/auth/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ username, password: passwords[username] }),
  })
  const { token } = JSON.parse(await answer.text())
  return token
}

test('a tag goes back to what it was; what it was is told', async () => {
  const one = await pushed('main')
  const before = new Date().toISOString()
  const image = buildImage('another\n')
  const repository = { url: service.url, name: 'dev/team/app', user: 'ada', password: passwords['ada'] ?? '' }
  await push(repository, image, 'main')
  expect(await ok('ada', `history dev/team/app:main --at ${before}`)).toBe(`${one}\n`)
  expect(await ok('ada', `feeds restore dev/team/app:main --digest ${one}`)).toMatch(
    new RegExp(`from +${image.digest}\nto +${one}\n`),
  )
  expect(await ok('ada', 'feeds tags dev/team/app')).toMatch(new RegExp(`^main +${one}`, 'm'))
  expect(await ok('ada', ['feeds', 'tags', 'dev/team/app', '--range', '>=0'])).not.toContain('main')
  const refused = [
    ['feeds restore dev/team/app:main', 2],
    [`feeds restore dev/team/app --digest ${one}`, 2],
    ['feeds restore dev/team/app:main --at yesterday', 2],
    [`feeds restore dev/team/app:main --digest sha256:${'0'.repeat(64)}`, 1],
    [`feeds restore trusted/team/app:1.0.0 --digest ${one}`, 3],
  ] as const
  for (const [line, code] of refused) expect([line, (await sluice('ada', line)).code]).toEqual([line, code])
})

test('a rejection is told to whoever waits, with its reason', async () => {
  const digest = await pushed('1.1.0')
  const { id } = JSON.parse(await ok('ada', 'request team/app:1.1.0 --lane dev-to-trusted --json'))
  const watched = sluice('ada', `status ${id} --watch`)
  await ok('bob', ['reject', id, '--digest', digest, '-m', 'not on a Friday'])
  const { code, stderr } = await watched
  expect(code).toBe(3)
  expect(stderr).toContain('bob: not on a Friday')
})

test('a wait that is too long ends with 4; what is cancelled ends with 3', async () => {
  await pushed('1.2.0')
  const ask = 'request team/app:1.2.0 --lane dev-to-trusted --idempotency-key k --wait --timeout 1s'
  expect(await sluice('ada', ask)).toMatchObject({ code: 4, stdout: '' })
  const { items } = JSON.parse(await ok('ada', 'list --state PENDING --requester ada --json'))
  expect(await ok('ada', `cancel ${items[0].id}`)).toContain('CANCELLED')
  expect(await sluice('ada', `status ${items[0].id} --watch`)).toMatchObject({ code: 3 })
})

test.each([
  ['a lane that is not there', 'ada', 'request team/app:1.0.0 --lane nowhere', 1],
  ['a tag that is not there', 'ada', 'request team/app:9.9.9 --lane dev-to-trusted', 1],
  ['an image of another feed', 'ada', 'request localhost/trusted/team/app:1.0.0 --lane dev-to-trusted', 3],
  ['no reference', 'ada', 'request Team/App:1 --lane dev-to-trusted', 2],
  ['no digest', 'bob', 'approve 01931b2e-0000-7000-8000-000000000000 --digest abc', 2],
  ['a user that an ordinary person makes', 'ada', 'users create eve', 3],
  ['what was never let in', 'ada', 'verify dev/team/app:1.0.0', 3],
  ['another feed of the same name', 'admin', 'feeds create dev --stage dev', 3],
])('%s ends with its code', async (_what, user, line, code) => {
  await pushed('1.0.0')
  const result = await sluice(user, line)
  expect({ code: result.code, stderr: result.stderr }).toEqual({
    code,
    stderr: expect.stringMatching(/^error: ./),
  })
})

test('a robot asks by its token, until that is revoked', async () => {
  await pushed('1.3.0')
  const scopes = ['--scope', 'pull:dev', '--scope', 'pull:trusted', '--scope', 'request:trusted']
  const made = JSON.parse(await ok('ada', ['tokens', 'create', 'ci', ...scopes, '--expires', '1d', '--json']))
  const ask = async (): Promise<number> => {
    const env = {
      XDG_CONFIG_HOME: path.join(home, 'none'),
      SLUICE_URL: service.url,
      SLUICE_TOKEN: made.secret,
    }
    const streams = { stdin: new PassThrough(), stdout: new PassThrough(), stderr: new PassThrough() }
    return run(['request', 'team/app:1.3.0', '--lane', 'dev-to-trusted'], { env, ...streams })
  }
  expect(await ask()).toBe(0)
  expect(await ok('ada', 'tokens list')).toContain(made.id)
  await ok('ada', `tokens revoke ${made.id}`)
  expect(await ask()).toBe(1)
})

test('evidence is sent, listed and read back; an administrator reads the secret of a ticket key', async () => {
  const digest = await pushed('1.4.0')
  const report = path.join(home, 'junit.xml')
  const xml = '<testsuite name="s"><testcase name="a"/></testsuite>\n'
  fs.writeFileSync(report, xml)
  expect(await sluice('ada', ['evidence', 'add', report])).toMatchObject({ code: 2 })
  expect(
    await sluice('ada', ['evidence', 'add', report, '--digest', digest, '--type', 'sbom']),
  ).toMatchObject({
    code: 2,
  })
  expect(await sluice('ada', ['evidence', 'add', path.join(home, 'missing.xml')])).toMatchObject({ code: 2 })
  const made = JSON.parse(await ok('ada', ['evidence', 'add', report, '--digest', digest, '--json']))
  expect(made).toMatchObject({ digest, type: 'test', format: 'junit', summary: { result: 'PASSED' } })
  expect(await ok('ada', ['evidence', 'add', report, '--digest', digest])).toContain(
    'by no key that a lane knows',
  )
  expect(await ok('ada', ['evidence', 'list', digest])).toContain(made.id)
  expect(await ok('ada', ['evidence', 'get', made.id])).toContain(xml.trim())
  expect(await ok('admin', 'lanes ticket-key dev-to-trusted jira')).toMatch(/^[0-9a-f]{64}\n$/)
  expect(await sluice('ada', 'lanes ticket-key dev-to-trusted jira')).toMatchObject({ code: 3 })
})

test('a lane into a trusted feed changes by apply when another administrator has confirmed it', async () => {
  const made = await ok(
    'admin',
    ['users', 'create', 'second', '--role', 'admin', '--password-stdin'],
    'second one\n',
  )
  expect(made).toContain('second')
  passwords['second'] = 'second one'
  await ownPassword('second', 'nobody else knows it')
  const file = `lanes:\n  - { name: dev-to-trusted, from: dev, to: trusted, policy: { gates: { soak: { minutes: 1 } } } }\n`
  const policy = async () => JSON.parse(await ok('admin', 'lanes get dev-to-trusted --json')).policy
  const before = await policy()
  const proposed = await sluice('admin', 'apply -f -', file)
  const [, change] = /lanes confirm dev-to-trusted (\S+)/.exec(proposed.stderr) ?? []
  expect(proposed).toMatchObject({ code: 0, stderr: expect.stringMatching(/^proposed lane dev-to-trusted/) })
  // The same file again proposes nothing more; another one is refused while that waits.
  const again = await sluice('admin', 'apply -f -', file)
  expect(again).toMatchObject({ code: 0, stderr: proposed.stderr })
  const other = file.replace('minutes: 1 ', 'minutes: 2 ')
  expect(await sluice('second', 'apply -f -', other)).toMatchObject({ code: 3 })
  expect(await policy()).toEqual(before)
  expect(await sluice('admin', `lanes confirm dev-to-trusted ${change}`)).toMatchObject({ code: 3 })
  expect(await policy()).toEqual(before)
  await ok('second', `lanes confirm dev-to-trusted ${change}`)
  expect(await policy()).toMatchObject({ gates: { soak: { minutes: 1 } } })
  expect(await ok('admin', 'apply -f -', file)).toBe('nothing to change\n')
})
