import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { PassThrough } from 'node:stream'
import { expect, test } from 'vitest'
import { exitCodes } from './errors.ts'
import { run } from './run.ts'

const home = fs.mkdtempSync(path.join(os.tmpdir(), 'sluice-cli-'))

async function sluice(args: readonly string[], env: Record<string, string> = {}, stdin = '') {
  const [input, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()]
  input.end(stdin)
  const code = await run(args, { env: { XDG_CONFIG_HOME: home, ...env }, stdin: input, stdout, stderr })
  const text = (stream: PassThrough): string => String(stream.read() ?? '')
  return { code, stdout: text(stdout), stderr: text(stderr) }
}

test('the exit codes are those of the outside contract', () => {
  expect(new Set(Object.values(exitCodes))).toEqual(new Set([1, 2, 3, 4]))
})

const usage: readonly (readonly [string, readonly string[], string])[] = [
  ['no command', [], 'Usage: sluice'],
  ['an unknown command', ['requst', 'a:b'], 'Example:'],
  ['an unknown option', ['list', '--status', 'PENDING'], 'sluice list --state PENDING'],
  ['no lane', ['request', 'a:b'], 'sluice request team/app:1.4.2 --lane'],
  ['no image', ['request', '--lane', 'l'], 'sluice request team/app:1.4.2 --lane'],
  ['no digest', ['approve', 'x'], 'sluice approve'],
  ['a rejection without a reason', ['reject', 'x', '--digest', 'd'], 'sluice reject'],
  ['an unknown state', ['list', '--state', 'OPEN'], 'PENDING, APPROVED'],
  ['a timeout without --wait', ['request', 'a:b', '--lane', 'l', '--timeout', '1m'], '--wait'],
  ['a bad duration', ['request', 'a:b', '--lane', 'l', '--wait', '--timeout', 'soon'], '30m'],
  ['a link without a name', ['request', 'a:b', '--lane', 'l', '--link', 'http://x'], 'name=url'],
  ['a bad limit', ['list', '--limit', '-1'], '1 to 999999'],
  ['a group without a command', ['feeds'], 'Usage: sluice feeds'],
  ['too much', ['status', 'a', 'b'], 'sluice status'],
  ['a bad address', ['list', '--url', 'ftp://x'], 'http[s]://host[:port]'],
  ['a password in the address', ['list', '--url', 'http://u:p@x'], 'http[s]://host[:port]'],
  ['a bad image', ['history', 'Trusted/app', '--url', 'http://127.0.0.1:1'], 'feed'],
  ['a file that is not there', ['apply', '-f', '/nowhere.yaml'], '/nowhere.yaml'],
]

test.each(usage)('%s is a usage error that says how', async (_what, args, hint) => {
  const { code, stdout, stderr } = await sluice(args)
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
  expect(stderr).toContain(hint)
})

test.each(['--help', 'request --help', 'feeds create --help'])('%s helps, on stdout', async (line) => {
  const { code, stdout, stderr } = await sluice(line.split(' '))
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(stdout).toContain('--json')
})

test('without a sign-in nothing is called', async () => {
  expect(await sluice(['list'])).toMatchObject({ code: 1, stdout: '' })
  expect(await sluice(['list', '--url', 'http://127.0.0.1:1'])).toMatchObject({ code: 1, stdout: '' })
})

test('an unreachable service is an error, as JSON where that is asked for', async () => {
  const { code, stderr } = await sluice(['list', '--json', '--url', 'http://127.0.0.1:1'], {
    SLUICE_TOKEN: 't',
  })
  expect(code).toBe(1)
  expect(JSON.parse(stderr)).toMatchObject({ error: { code: 'unreachable' } })
})

test('a token that no header can carry is refused without showing it', async () => {
  const env = { SLUICE_URL: 'http://127.0.0.1:1', SLUICE_TOKEN: 'geheim\nx' }
  const { code, stderr } = await sluice(['list'], env)
  expect(code).toBe(2)
  expect(stderr).not.toContain('geheim')
})

test.each([
  ['no user', ['login', '--url', 'http://127.0.0.1:1', '--password-stdin'], 'pw'],
  ['no password', ['login', '--url', 'http://127.0.0.1:1', '-u', 'a'], ''],
  ['an empty password', ['login', '--url', 'http://127.0.0.1:1', '-u', 'a', '--password-stdin'], '\n'],
  ['no address', ['login', '-u', 'a', '--password-stdin'], 'pw'],
])('login with nobody to ask and %s is a usage error', async (_what, args, stdin) => {
  expect(await sluice(args, {}, stdin)).toMatchObject({ code: 2, stdout: '' })
})
