import { beforeAll, expect, test } from 'vitest'
import { configuration, openPeople, type People } from './testdata/people.ts'

let file: People['file']
let passwords: People['passwords']
let sluice: People['sluice']
let ok: People['ok']
let post: People['post']
let ownPassword: People['ownPassword']
beforeAll(async () => {
  const people = await openPeople()
  ;({ file, passwords, sluice, ok, post, ownPassword } = people)
  return () => people.service.stop()
})

async function group(name: string, members: readonly string[]): Promise<void> {
  expect((await post('admin', '/groups', { name, members })).status).toBe(201)
}

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

test('a proxy feed: made by a file and by hand, and told how long to keep', async () => {
  const feed = (days: number) =>
    `feeds:\n  - { name: hub, kind: proxy, stage: hub, remote: { url: "https://registry.example", prefix: library }, cache: { keepDays: ${days} } }\n`
  expect(await ok('admin', 'apply -f -', feed(7))).toContain('create feed hub\n')
  expect(await ok('admin', 'apply -f -', feed(7))).toBe('nothing to change\n')
  expect(await ok('admin', 'apply -f -', feed(8))).toBe(
    'change feed hub\n  - cache.keepDays: 7\n  + cache.keepDays: 8\n',
  )
  const shown = await ok('admin', 'feeds keep hub 9')
  for (const part of [
    'proxy',
    'registry.example/library',
    'what was pulled within 9 days',
    'last answered never',
  ]) {
    expect(shown).toContain(part)
  }
  const made = await ok(
    'admin',
    'feeds create spare --stage hub --kind proxy --registry https://registry.example --keep-days 3 --json',
  )
  expect(JSON.parse(made)).toMatchObject({ kind: 'proxy', trusted: false, cache: { keepDays: 3 } })
  expect(
    await sluice(
      'admin',
      'feeds create no --stage x --trusted --kind proxy --registry https://registry.example',
    ),
  ).toMatchObject({ code: 2, stderr: expect.stringContaining('never trusted') })
  expect(await sluice('admin', 'feeds keep dev 3')).toMatchObject({
    stderr: expect.stringContaining('hosted'),
  })
  expect(await sluice('admin', 'feeds create no --stage x --kind proxy')).toMatchObject({ code: 2 })
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
