import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { ensureDatabase, startPostgres } from '@sluice/postgres'
import type { TestPostgres } from '@sluice/testkit'
import { Client } from 'pg'
import type { TestProject } from 'vitest/node'

const template = 'sluice_template'

/** One throw-away cluster for the run, with a migrated database that tests clone. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const dataDir = fs.mkdtempSync(path.join(os.tmpdir(), 'sluice-test-'))
  const server = await startPostgres({ dataDir, durable: false })
  const teardown = async (): Promise<void> => {
    await server.stop()
    fs.rmSync(dataDir, { recursive: true, force: true })
  }
  try {
    const passwords = { api: randomBytes(16).toString('hex'), worker: randomBytes(16).toString('hex') }
    // Late, so that the runs without a database do not load the store.
    const { prepareDatabase } = await import('@sluice/store')
    await prepareDatabase({ ownerUrl: await ensureDatabase(server.url, template), passwords })
    await close(server.url)
    const provided: TestPostgres = { adminUrl: server.url, template, passwords }
    project.provide('postgres', provided)
    return teardown
  } catch (error) {
    await teardown()
    throw error
  }
}

/** A template cannot be cloned while someone is connected to it. */
async function close(adminUrl: string): Promise<void> {
  const client = new Client({ connectionString: adminUrl })
  await client.connect()
  await client.query(`alter database ${template} with allow_connections false`)
  await client.end()
}
