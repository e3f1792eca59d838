import fs from 'node:fs'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import type { Account } from './account.ts'
import { serverAccount } from './account.ts'
import type { Binaries } from './binaries.ts'
import { findBinaries, runBinary } from './binaries.ts'
import { makeCluster } from './cluster.ts'
import { codeOf, PostgresError } from './error.ts'
import { openHome, superuserPassword } from './home.ts'
import { choosePort, rememberPort } from './port.ts'
import { livePostmaster } from './postmaster.ts'

export type PostgresOptions = {
  /** Absolute. The server lives in `<dataDir>/postgres`; see `home` of the answer. */
  readonly dataDir: string
  /** Default: the one used last, else a free one. A running server keeps its own. */
  readonly port?: number
  /** `false`, for throw-away tests only: nothing is flushed to the disk. */
  readonly durable?: boolean
}

export type PostgresServer = {
  /** The superuser's URL on the database `postgres`, password included. */
  readonly url: string
  readonly port: number
  /** Found running (left by a killed supervisor), rather than started by this call. */
  readonly attached: boolean
  /** The folder the server really lives in. */
  readonly home: string
  /** Whether the server's process is there. */
  readonly running: () => boolean
  /**
   * Stops it in fast mode, and as by a crash (nothing is lost) in the last of `withinSeconds`, default 8.
   * Stopped already is no error. @throws PostgresError `stop_failed`
   */
  readonly stop: (options?: { withinSeconds?: number }) => Promise<void>
}

type Site = { home: string; binaries: Binaries; account: Account | undefined; durable: boolean }

const startSeconds = 300
const attachMs = 30_000

/**
 * Starts the PostgreSQL server of a data folder, or attaches to it when it runs: makes the cluster at first,
 * recovers after kill -9, a stale pid file or a half-made cluster. It listens on 127.0.0.1 alone, without
 * Unix sockets, and lets nobody in without a password (SCRAM). It outlives this process unless stopped.
 * One caller per data folder at a time: the caller holds the lock.
 * @throws PostgresError
 */
export async function startPostgres({
  dataDir,
  port,
  durable = true,
}: PostgresOptions): Promise<PostgresServer> {
  const account = serverAccount()
  const binaries = findBinaries(account)
  const home = openHome(dataDir, account)
  const password = superuserPassword(home, account)
  if (password === undefined) throw passwordLost(home)
  const site: Site = { home, binaries, account, durable }
  await makeCluster(home, site)

  const cluster = path.join(home, 'cluster')
  const found = await settled(cluster)
  const actual = found?.port ?? (await start(site, port))
  rememberPort(home, actual)
  const url = `postgres://postgres:${password}@127.0.0.1:${actual}/postgres`
  await connectOnce(url, home)
  return {
    url,
    port: actual,
    attached: found !== undefined,
    home,
    running: () => livePostmaster(cluster) !== undefined,
    stop: ({ withinSeconds = 8 } = {}) => stop(site, Math.floor(withinSeconds) - 1),
  }
}

/** The running server once it is ready, or `undefined` when there is none (any more). */
async function settled(cluster: string) {
  const deadline = Date.now() + startSeconds * 1000
  for (;;) {
    const postmaster = livePostmaster(cluster)
    if (postmaster === undefined || postmaster.ready) return postmaster
    if (Date.now() > deadline) {
      throw new PostgresError(
        'start_failed',
        `PostgreSQL (pid ${postmaster.pid}) is there but not ready: see ${cluster}/server.log`,
      )
    }
    await sleep(50)
  }
}

/** Two things pass by themselves and are worth another try: a port lost to a neighbour, dying old backends. */
async function start(site: Site, wanted: number | undefined): Promise<number> {
  const log = path.join(site.home, 'cluster', 'server.log')
  keepLogSmall(log)
  for (let attempt = 1; ; attempt += 1) {
    const port = wanted ?? (await choosePort(site.home))
    const from = fs.existsSync(log) ? fs.statSync(log).size : 0
    // Relative paths: pg_ctl hands them to a shell, and a data folder may have any name.
    const args = ['-D', 'cluster', '-l', 'cluster/server.log', '-w', '-t', String(startSeconds)]
    args.push('-o', settings(port, site.durable), 'start')
    let failure: unknown
    const done = await runBinary(site.binaries.pgCtl, args, { account: site.account, cwd: site.home }).catch(
      (error: unknown) => {
        failure = error
      },
    )
    if (done?.exitCode === 0) return port
    const said = fs.existsSync(log) ? fs.readFileSync(log).subarray(from).toString('utf8').trim() : ''
    const passing =
      /Address already in use|could not create any TCP|shared memory block .* still in use/.test(said)
    if (!passing || attempt === 20) {
      const reason = said === '' ? (done?.output.trim() ?? String(failure)) : said
      throw new PostgresError('start_failed', `PostgreSQL did not start in ${site.home}: ${reason}`, failure)
    }
    await sleep(250)
  }
}

function settings(port: number, durable: boolean): string {
  const values = [
    `port=${port}`,
    'listen_addresses=127.0.0.1',
    'unix_socket_directories=',
    // A service on many cores has about seventy; tests run several beside one another.
    'max_connections=300',
    'shared_buffers=128MB',
    'password_encryption=scram-sha-256',
    'log_checkpoints=off',
    // A statement's text may hold a secret; its error does not need it.
    'log_min_error_statement=panic',
  ]
  if (!durable) values.push('fsync=off', 'full_page_writes=off', 'synchronous_commit=off')
  return values.map((value) => `-c ${value}`).join(' ')
}

function keepLogSmall(log: string): void {
  if (fs.existsSync(log) && fs.statSync(log).size > 8 * 1024 * 1024) fs.renameSync(log, `${log}.1`)
}

async function connectOnce(url: string, home: string): Promise<void> {
  const deadline = Date.now() + attachMs
  for (;;) {
    const client = new Client({ connectionString: url, connectionTimeoutMillis: 5000 })
    // The end of an idle connection is reported as an event, which unheard would end the process.
    client.on('error', () => undefined)
    try {
      await client.connect()
      return
    } catch (cause) {
      const code = codeOf(cause)
      if (code === '28P01' || code === '28000') throw passwordLost(home, cause)
      if (Date.now() > deadline) {
        throw new PostgresError('start_failed', `PostgreSQL runs in ${home} but takes no connection`, cause)
      }
      await sleep(50)
    } finally {
      await client.end().catch(() => undefined)
    }
  }
}

function passwordLost(home: string, cause?: unknown): PostgresError {
  return new PostgresError(
    'password_lost',
    `${home}/superuser-password is not the password of the cluster beside it: restore that file from a backup`,
    cause,
  )
}

async function stop({ home, binaries, account }: Site, fastSeconds: number): Promise<void> {
  const cluster = path.join(home, 'cluster')
  let said = ''
  const modes: [mode: string, seconds: number][] = [['immediate', 1]]
  if (fastSeconds > 0) modes.unshift(['fast', fastSeconds])
  for (const [mode, seconds] of modes) {
    if (livePostmaster(cluster) === undefined) return
    const args = ['-D', 'cluster', '-w', '-m', mode, '-t', String(seconds), 'stop']
    const done = await runBinary(binaries.pgCtl, args, { account, cwd: home })
    if (done.exitCode === 0) return
    said = done.output.trim()
  }
  if (livePostmaster(cluster) !== undefined) {
    throw new PostgresError('stop_failed', `PostgreSQL in ${home} does not stop: ${said}`)
  }
}
