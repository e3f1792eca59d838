import fs from 'node:fs'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { Client } from 'pg'
import { afterAll, afterEach, expect, test } from 'vitest'
import type { PostgresServer } from './index.ts'
import { ensureDatabase, PostgresError, startPostgres } from './index.ts'

// A name that a shell would take apart.
const dataDir = fs.mkdtempSync(path.join(os.tmpdir(), "sluice $(false) 'postgres' "))
const home = path.join(dataDir, 'postgres')
let server: PostgresServer | undefined

afterEach(async () => {
  await server?.stop()
})
afterAll(() => fs.rmSync(dataDir, { recursive: true, force: true }))

async function started(options: { port?: number; durable?: boolean } = {}): Promise<PostgresServer> {
  server = await startPostgres({ dataDir, durable: false, ...options })
  return server
}

async function query(url: string, sql: string): Promise<string[]> {
  const client = new Client({ connectionString: url })
  client.on('error', () => undefined)
  await client.connect()
  try {
    const { rows } = await client.query<string[]>({ text: sql, rowMode: 'array' })
    return rows.map((row) => String(row[0]))
  } finally {
    await client.end()
  }
}

function postmasterPid(): number {
  return Number(fs.readFileSync(path.join(home, 'cluster', 'postmaster.pid'), 'utf8').split('\n')[0])
}

async function killServer(): Promise<void> {
  process.kill(postmasterPid(), 'SIGKILL')
  await expect.poll(() => server?.running()).toBe(false)
}

test('makes a cluster of its own: loopback, SCRAM, checksums, UTF8, C locale; secrets are private', async () => {
  const { url } = await started()
  const shown = [
    'listen_addresses',
    'unix_socket_directories',
    'data_checksums',
    'server_encoding',
    'lc_messages',
    'max_connections',
    'shared_buffers',
  ]
  const values = await Promise.all(shown.map((name) => query(url, `show ${name}`)))
  expect(values.flat()).toEqual(['127.0.0.1', '', 'on', 'UTF8', 'C', '300', '128MB'])
  expect(await query(url, 'select distinct auth_method from pg_hba_file_rules')).toEqual(['scram-sha-256'])
  expect(fs.statSync(path.join(home, 'superuser-password')).mode & 0o777).toBe(0o600)
  expect(fs.statSync(dataDir).mode & 0o067).toBe(0)
  const wrong = new URL(url)
  wrong.password = 'wrong'
  await expect(query(wrong.href, 'select 1')).rejects.toMatchObject({ code: '28P01' })
})

test('keeps data and port over a stop and a start', async () => {
  const first = await started()
  const url = await ensureDatabase(first.url, 'kept "as is"')
  expect(await ensureDatabase(first.url, 'kept "as is"')).toBe(url)
  await query(url, 'create table t as select 7 as n')
  await first.stop()
  await first.stop()
  expect(first.running()).toBe(false)
  const second = await started()
  expect(second).toMatchObject({ port: first.port, url: first.url, attached: false })
  expect(await query(url, 'select n from t')).toEqual(['7'])
})

test('attaches to the running server, whatever port is asked for', async () => {
  const first = await started()
  const again = await started({ port: 1 })
  expect(again).toMatchObject({ port: first.port, attached: true })
})

test('takes another port when the remembered one is taken', async () => {
  const { port, stop } = await started()
  await stop()
  const neighbour = net.createServer().listen(port, '127.0.0.1')
  await new Promise((resolve) => neighbour.once('listening', resolve))
  const moved = await started()
  neighbour.close()
  expect(moved.port).not.toBe(port)
})

test('stops at once when there is no time, and loses nothing', async () => {
  const { url, stop } = await started({ durable: true })
  await query(url, 'create table hurried as select 1 as n')
  await stop({ withinSeconds: 1 })
  expect(server?.running()).toBe(false)
  expect(await query((await started()).url, 'select n from hurried')).toEqual(['1'])
})

test('loses nothing by kill -9', async () => {
  const { url } = await started({ durable: true })
  await query(url, 'create table survivor as select 1 as n')
  await killServer()
  const recovered = await started()
  expect(recovered.attached).toBe(false)
  expect(await query(recovered.url, 'select n from survivor')).toEqual(['1'])
})

test('is not misled by a stale pid file that names a live stranger', async () => {
  await started()
  await killServer()
  const file = path.join(home, 'cluster', 'postmaster.pid')
  const lines = fs.readFileSync(file, 'utf8').split('\n')
  fs.writeFileSync(file, [String(process.pid), ...lines.slice(1)].join('\n'))
  const recovered = await started()
  expect(recovered.attached).toBe(false)
  expect(await query(recovered.url, 'select 1')).toEqual(['1'])
})

test('starts afresh over a cluster that initdb left half made', async () => {
  await server?.stop()
  fs.renameSync(path.join(home, 'cluster'), path.join(home, 'cluster.unfinished'))
  fs.rmSync(path.join(home, 'cluster.unfinished', 'global'), { recursive: true })
  const { url } = await started()
  expect(await query(url, `select count(*)::text from pg_database where datname like 'kept%'`)).toEqual(['0'])
  expect(fs.existsSync(path.join(home, 'cluster.unfinished'))).toBe(false)
})

test('refuses a cluster whose password is lost or another', async () => {
  await (await started()).stop()
  const file = path.join(home, 'superuser-password')
  const right = fs.readFileSync(file)
  fs.rmSync(file)
  await expect(started()).rejects.toSatisfy(
    (error) => error instanceof PostgresError && error.code === 'password_lost',
  )
  fs.writeFileSync(file, 'another\n')
  await expect(started()).rejects.toMatchObject({ code: 'password_lost' })
  fs.writeFileSync(file, right)
  await started()
})

test('as root, lives where its account can reach it, and is found there again', async () => {
  const parent = fs.mkdtempSync(path.join(os.tmpdir(), 'sluice-private-'))
  const hidden = path.join(parent, 'data')
  const first = await startPostgres({ dataDir: hidden, durable: false })
  const again = await startPostgres({ dataDir: hidden })
  await again.stop()
  const elsewhere = process.getuid?.() === 0
  expect(first.home.startsWith(elsewhere ? '/var/lib/sluice-postgres/' : hidden)).toBe(true)
  expect(again).toMatchObject({ home: first.home, attached: true })
  for (const folder of [parent, first.home]) fs.rmSync(folder, { recursive: true, force: true })
})
