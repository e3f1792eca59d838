import { spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { emptyDatabase, testPostgres } from '@sluice/testkit'
import { expect, test } from 'vitest'

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'sluice-migrate-'))

/** Runs the program from its source, as a process of its own. */
async function migrate(env: Record<string, string>, ...args: string[]) {
  const script = path.join(import.meta.dirname, 'migrate.ts')
  const node = ['--conditions=sluice-source', '--import', 'tsx', script, ...args]
  const child = spawn(process.execPath, node, { env: { PATH: process.env.PATH ?? '', ...env } })
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (stderr += chunk))
  child.stdout.resume()
  const [code] = await once(child, 'close')
  return { code: Number(code), stderr }
}

function passwordFile(name: string, content: string): string {
  const file = path.join(folder, name)
  fs.writeFileSync(file, content, { mode: 0o600 })
  return file
}

test('it makes the database ready, again and again', async () => {
  const { ownerUrl, drop } = await emptyDatabase()
  // Roles are the cluster's: other tests sign in with these same passwords.
  const { passwords } = await testPostgres()
  const api = passwordFile('api', `${passwords.api}\n`)
  const worker = passwordFile('worker', passwords.worker)
  const args = ['--api-password-file', api, '--worker-password-file', worker]
  expect(await migrate({ DATABASE_URL: ownerUrl }, ...args)).toEqual({ code: 0, stderr: '' })
  expect(await migrate({ DATABASE_URL: ownerUrl }, ...args)).toEqual({ code: 0, stderr: '' })
  await drop()
})

test.concurrent.each([
  ['no database', {}, []],
  ['no password', { DATABASE_URL: 'postgres://o@127.0.0.1:1/s' }, []],
  [
    'an empty password',
    { DATABASE_URL: 'postgres://o@127.0.0.1:1/s' },
    ['--api-password-file', passwordFile('empty', '\n')],
  ],
  ['an unknown option', { DATABASE_URL: 'postgres://o@127.0.0.1:1/s' }, ['--force']],
  ['an unknown setting', { SLUICE_PROT: '1' }, []],
])('with %s it ends with 1 and says so', async (_what, env, args) => {
  const { code, stderr } = await migrate(env, ...args)
  expect(code).toBe(1)
  expect(stderr).toMatch(/^migrate: .+\n$/)
})
