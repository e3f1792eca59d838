import fs from 'node:fs'
import path from 'node:path'
import type { Account } from './account.ts'
import type { Binaries } from './binaries.ts'
import { runBinary } from './binaries.ts'
import { PostgresError } from './error.ts'

/**
 * Makes `<home>/cluster` unless it is there: in a temporary sibling, renamed when whole, so that a crash
 * leaves either no cluster or a complete one. SCRAM for every connection, UTF8, C locale, checksums.
 * @throws PostgresError `init_failed`
 */
export async function makeCluster(
  home: string,
  { binaries, account, durable }: { binaries: Binaries; account: Account | undefined; durable: boolean },
): Promise<void> {
  const cluster = path.join(home, 'cluster')
  if (fs.existsSync(cluster)) return
  const unfinished = path.join(home, 'cluster.unfinished')
  fs.rmSync(unfinished, { recursive: true, force: true })
  fs.mkdirSync(unfinished, { mode: 0o700 })
  if (account !== undefined) fs.chownSync(unfinished, account.uid, account.gid)

  const args = ['-D', 'cluster.unfinished', '-U', 'postgres', '--pwfile=superuser-password']
  args.push('--auth=scram-sha-256', '--encoding=UTF8', '--locale=C', '--data-checksums')
  if (!durable) args.push('--no-sync')
  let failure: unknown
  const done = await runBinary(binaries.initdb, args, { account, cwd: home }).catch((error: unknown) => {
    failure = error
  })
  if (done?.exitCode !== 0) {
    fs.rmSync(unfinished, { recursive: true, force: true })
    const said = done?.output.trim() ?? String(failure)
    throw new PostgresError('init_failed', `initdb could not make a cluster in ${home}: ${said}`, failure)
  }
  fs.renameSync(unfinished, cluster)
  if (durable) syncFolder(home)
}

/** Makes a rename in `folder` survive a loss of power; Windows has no such call. */
function syncFolder(folder: string): void {
  if (process.platform === 'win32') return
  const handle = fs.openSync(folder, 'r')
  fs.fsyncSync(handle)
  fs.closeSync(handle)
}
