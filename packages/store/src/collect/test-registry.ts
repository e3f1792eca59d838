import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type BlobStorage, createFeedServer, type Feed } from '@sluice/feed'
import { folderStorage } from '@sluice/feed/storage'
import { digestOf, OCI_CONFIG, OCI_LAYER_GZIP, OCI_MANIFEST } from '@sluice/oci'
import { until } from '@sluice/testkit'
import { Client } from 'pg'
import type { House } from '../promotion/test-scene.ts'

/** A registry as clients see it: HTTP over the store's index and a real folder. */
export async function openRegistry(house: House, principalId: string, feedIds: readonly string[]) {
  const root = await mkdtemp(join(tmpdir(), 'sluice-collect-'))
  const storage: BlobStorage = folderStorage(root)
  const failures: unknown[] = []
  const handle = createFeedServer({
    index: house.api.feedIndex,
    storage,
    authenticate: async () => ({
      principalId,
      may: async () => 'allowed',
      readableFeedIds: async () => feedIds,
    }),
    challenge: () => 'Basic',
    events: { failed: (error) => void failures.push(error) },
  })
  const server = createServer((req, res) => void handle(req, res))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server has no port')
  const base = `http://127.0.0.1:${address.port}/v2/`

  const ask = (
    method: string,
    path: string,
    init: { body?: Buffer; type?: string; headers?: Record<string, string> } = {},
  ) =>
    fetch(base + path, {
      method,
      ...(init.body && { body: new Uint8Array(init.body) }),
      headers: { ...(init.type && { 'content-type': init.type }), ...init.headers },
    })

  return {
    root,
    storage,
    failures,
    ask,
    /** As clients do: HEAD first, and only what is not there is sent. Answers the status of the end. */
    async pushBlob(
      { name }: Feed,
      repository: string,
      bytes: Buffer,
      { mountFrom = '' } = {},
    ): Promise<number> {
      const digest = digestOf(bytes)
      const head = await ask('HEAD', `${name}/${repository}/blobs/${digest}`)
      if (head.status === 200) return 200
      const mount = mountFrom && `?mount=${digest}&from=${mountFrom}`
      const opened = await ask('POST', `${name}/${repository}/blobs/uploads/${mount}`)
      await opened.body?.cancel()
      if (opened.status !== 202) return opened.status
      const location = opened.headers.get('location')!.slice('/v2/'.length)
      const half = bytes.length >> 1
      const patched = await ask('PATCH', location, { body: bytes.subarray(0, half) })
      await patched.body?.cancel()
      if (patched.status !== 202) return patched.status
      const put = await ask('PUT', `${location}?digest=${digest}`, { body: bytes.subarray(half) })
      await put.body?.cancel()
      return put.status
    },
    async pushManifest({ name }: Feed, repository: string, manifest: Buffer, reference: string) {
      const put = await ask('PUT', `${name}/${repository}/manifests/${reference}`, {
        body: manifest,
        type: OCI_MANIFEST,
      })
      await put.body?.cancel()
      return put.status
    },
    /** The bytes under a digest; null when it is not there. */
    async pull({ name }: Feed, repository: string, digest: string): Promise<Buffer | null> {
      const got = await ask('GET', `${name}/${repository}/blobs/${digest}`)
      const bytes = Buffer.from(await got.arrayBuffer())
      if (got.status === 404) return null
      if (got.status !== 200) throw new Error(`GET ${digest}: ${got.status} ${bytes.toString()}`)
      return bytes
    },
    async close(): Promise<void> {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      await rm(root, { recursive: true, force: true })
    },
  }
}

export type Registry = Awaited<ReturnType<typeof openRegistry>>

export function someBytes(size = 64): Buffer {
  return randomBytes(size)
}

export function imageOf(config: Buffer, layers: readonly Buffer[], note = ''): Buffer {
  const link = (mediaType: string) => (bytes: Buffer) => ({
    mediaType,
    digest: `sha256:${createHash('sha256').update(bytes).digest('hex')}`,
    size: bytes.length,
  })
  return Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: OCI_MANIFEST,
      config: link(OCI_CONFIG)(config),
      layers: layers.map(link(OCI_LAYER_GZIP)),
      annotations: { note },
    }),
  )
}

/** Lets 25 hours pass for what is in the database and in the folder, as far as the collector looks. */
export async function letADayPass({ admin }: House): Promise<void> {
  const day = `interval '25 hours'`
  await admin.query(`update repository_blob set linked_at = linked_at - ${day} where admission_id is null`)
  await admin.query(`update blob set stored_at = stored_at - ${day}`)
  await admin.query(`update manifest set stored_at = stored_at - ${day}`)
  await admin.query(`update upload set updated_at = updated_at - ${day}`)
}

const KEY = 4_712

/** Holds every transaction that is about to `operation` a row of `table`, until opened. */
export async function closeGate(house: House, operation: 'insert' | 'update' | 'delete', table: string) {
  const keeper = new Client({ connectionString: house.url })
  // A test that fails drops the database under it.
  keeper.on('error', () => undefined)
  await keeper.connect()
  await keeper.query('select pg_advisory_lock($1)', [KEY])
  await keeper.query(`
    create or replace function test_gate() returns trigger language plpgsql as $$
    begin
      perform pg_advisory_xact_lock_shared(${KEY});
      return case when tg_op = 'DELETE' then old else new end;
    end $$;
    create trigger a_test_gate before ${operation} on ${table} for each row execute function test_gate()`)
  return {
    async reached(): Promise<void> {
      const waiting = async () => {
        const { rows } = await keeper.query(
          `select from pg_locks l join pg_database d on d.oid = l.database
           where d.datname = current_database() and locktype = 'advisory' and objid = $1 and not granted`,
          [KEY],
        )
        return rows.length > 0
      }
      await until(waiting, { what: `a transaction at ${operation} on ${table}` })
    },
    /** Resolves when so many transactions wait for locks of others. */
    async blocked(count: number): Promise<void> {
      const waiting = async () => {
        const { rows } = await keeper.query(
          `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
        )
        return rows.length >= count
      }
      await until(waiting, { what: `${count} transactions that wait` })
    },
    async open(): Promise<void> {
      await keeper.query('select pg_advisory_unlock($1)', [KEY])
      await keeper.query(`drop trigger a_test_gate on ${table}`)
      await keeper.end()
    },
  }
}
