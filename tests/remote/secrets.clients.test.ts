import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { startPostgres } from '@sluice/postgres'
import { makeAuthority, startRegistry, startTokenGate } from '@sluice/testkit'
import { Client } from 'pg'
import { expect, test } from 'vitest'
import { makeFolder, startService } from '../../scripts/service.mjs'
import { openHouse, type Place, push } from './house.ts'

// The secrets of remote feeds, on a service of its own that logs as much as it can: they are used in promotions that
// succeed and in those that fail, also with a registry that says again what it was shown. Afterwards they are
// looked for in all that was logged, answered and stored.

test('no secret of a remote feed is in a log line, an answer, an entry, a job or an error', async () => {
  const folder = makeFolder()
  const service = await startService({ folder, env: { SLUICE_LOG_LEVEL: 'trace' } })
  const house = await openHouse(service)
  const [password, wrong, refreshToken] = ['password', 'wrong', 'refresh'].map(
    (word) => `${word}-${randomBytes(12).toString('hex')}`,
  )
  if (password === undefined || wrong === undefined || refreshToken === undefined) throw new Error()
  const authority = await makeAuthority(folder, 'authority')
  const { certFile: cert, keyFile: key } = await authority.issue('server', 'IP:127.0.0.1')
  const client = await authority.issue('client')
  const stranger = await makeAuthority(folder, 'stranger')
  const registries = {
    open: await startRegistry('docker-registry'),
    tls: await startRegistry('docker-registry', { tls: { cert, key, clientAuthority: authority.certFile } }),
  }
  const gate = await startTokenGate(registries.open.url, { username: 'ci', password })
  const answers: unknown[] = []

  const { own } = house
  await push(`${own.host}/dev/app:1.0.0`, '--dest-tls-verify=false', `--dest-creds=${own.credentials}`)
  /** Right, then wrong in the middle of a promotion and when it is tried. */
  const use = async (right: Place, spoil: () => unknown, alter: Partial<Place> | null): Promise<string> => {
    const feed = await house.feed(right, true)
    const lane = await house.lane('dev', feed)
    const first = await house.promote(lane, 'app:1.0.0')
    expect(first).toMatchObject({ state: 'SUCCEEDED' })
    const second = await house.promote(lane, 'app:1.0.0', async () => {
      await spoil()
      if (alter !== null) await house.admin.updateFeed({ params: { feed }, body: { remote: alter } })
    })
    expect(second).toMatchObject({ state: 'ERRORED' })
    answers.push(first, second, await house.admin.testConnection({ params: { feed }, body: {} }))
    return second.message
  }

  const basic = { type: 'basic', username: 'ci', password } as const
  const said = await use(
    { url: gate.url, prefix: 'team', credentials: basic },
    () => {
      gate.echo.on = true
      gate.grant(false)
    },
    null,
  )
  expect(said).toContain('answered 401 "UNAUTHORIZED: not for Basic ***"')
  const inside = { privateHosts: ['127.0.0.1'], prefix: 'team', ca: authority.cert }
  const clientCertificate = { cert: client.cert, key: client.key }
  await use({ url: registries.tls.url, ...inside, clientCertificate }, () => undefined, {
    ca: stranger.cert,
  })
  for (const credentials of [
    { type: 'basic', username: 'ci', password: wrong } as const,
    { type: 'refresh', refreshToken } as const,
  ]) {
    const feed = await house.feed({ url: gate.url, credentials }, false)
    answers.push(await house.admin.testConnection({ params: { feed }, body: {} }))
    answers.push(await house.admin.listTags({ params: { feed }, query: { repository: 'app' } }).catch(String))
  }
  answers.push(await house.admin.listFeeds({}), await house.admin.listAudit({ query: { limit: 200 } }))
  answers.push(await house.admin.listRequests({ query: { limit: 200 } }))

  const stored = await everything(path.join(folder, 'data'))
  await service.stop()
  const logged = fs.readFileSync(service.log, 'utf8')
  const pair = (secret: string) => Buffer.from(`ci:${secret}`).toString('base64')
  const [, keyLine = ''] = client.key.split('\n')
  const secrets = [password, pair(password), wrong, pair(wrong), refreshToken, keyLine, ...gate.issued]
  expect(secrets.length).toBeGreaterThan(7)
  expect(Math.min(...secrets.map(({ length }) => length))).toBeGreaterThan(15)
  // What is looked through is what it should be.
  for (const name of ['"name":"api"', '"name":"worker"', 'promotion given up']) expect(logged).toContain(name)
  for (const table of ['public.audit_payload', 'public.feed_remote', 'public.promotion', 'bullmq.']) {
    expect(stored).toContain(table)
  }
  expect(stored).toContain('not for Basic ***')
  const texts = { logged, stored, answered: JSON.stringify(answers) }
  const found = Object.entries(texts).flatMap(([where, text]) =>
    secrets
      .flatMap((secret) => [secret, Buffer.from(secret).toString('hex')])
      .filter((secret) => text.includes(secret))
      .map((secret) => `${where} has ${secret}`),
  )
  expect(found).toEqual([])

  await gate.close()
  await Promise.all([registries.open.stop(), registries.tls.stop()])
  fs.rmSync(folder, { recursive: true, force: true })
})

/** Every row of every table that there is, as text; bytes are in hexadecimal. */
async function everything(dataDir: string): Promise<string> {
  const { url } = await startPostgres({ dataDir })
  const client = new Client({ connectionString: url.replace(/postgres$/, 'sluice') })
  await client.connect()
  const { rows } = await client.query<{ name: string }>(
    `select format('%I.%I', n.nspname, c.relname) as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where c.relkind = 'r' and n.nspname not in ('pg_catalog', 'information_schema') order by 1`,
  )
  const texts: string[] = []
  for (const { name } of rows) {
    const found = await client.query<{ row: string }>(`select t::text as row from ${name} t`)
    texts.push(name, ...found.rows.map(({ row }) => row))
  }
  await client.end()
  return texts.join('\n')
}
