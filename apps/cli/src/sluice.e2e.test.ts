import fs from 'node:fs'
import path from 'node:path'
import { PassThrough } from 'node:stream'
import { until } from '@sluice/testkit'
import { beforeAll, expect, test } from 'vitest'
import { demo } from './demo/demo.ts'
import { buildImage } from './demo/image.ts'
import { push } from './demo/registry.ts'
import { run } from './run.ts'
import { openPeople, type People, type Result } from './testdata/people.ts'

let service: People['service']
let adminPassword: People['adminPassword']
let passwords: People['passwords']
let home: People['home']
let sluice: People['sluice']
let ok: People['ok']
let pushed: People['pushed']
let ownPassword: People['ownPassword']
beforeAll(async () => {
  const people = await openPeople()
  ;({ service, adminPassword, passwords, home, sluice, ok, pushed, ownPassword } = people)
  return () => people.service.stop()
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
