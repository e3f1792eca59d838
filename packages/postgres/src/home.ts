import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import type { Account } from './account.ts'
import { canReach } from './account.ts'
import { sharedPlace, unreachable } from './binaries.ts'

/**
 * The server's folder: `cluster/` (PostgreSQL's own), beside it the superuser's password and the port last
 * used. Normally `<dataDir>/postgres`. Where root's account cannot get there (a checkout under /root), it
 * lives in `/var/lib/sluice-postgres/<random>` and `<dataDir>/postgres/moved-to` names that: the name belongs to the
 * data folder, so that a new data folder on an old path never meets an old database.
 * @throws PostgresError `unreachable`
 */
export function openHome(dataDir: string, account: Account | undefined): string {
  const home = path.join(dataDir, 'postgres')
  fs.mkdirSync(home, { recursive: true, mode: 0o700 })
  if (account === undefined) return home
  const pointer = path.join(home, 'moved-to')
  if (fs.existsSync(pointer)) return reachable(fs.readFileSync(pointer, 'utf8').trim(), account)
  for (const folder of [dataDir, home]) letPass(folder, account)
  if (canReach(account, home)) return home

  const elsewhere = path.join(sharedPlace, randomBytes(8).toString('hex'))
  try {
    fs.mkdirSync(elsewhere, { recursive: true, mode: 0o700 })
    fs.chmodSync(sharedPlace, 0o755)
  } catch (cause) {
    throw unreachable(home, account, cause)
  }
  fs.writeFileSync(pointer, `${elsewhere}\n`, { mode: 0o600, flush: true })
  return reachable(elsewhere, account)
}

/** The server's account may pass through a private folder of ours, but not list it; nobody else may. */
function letPass(folder: string, account: Account): void {
  if ((fs.statSync(folder).mode & 0o077) !== 0) return
  fs.chownSync(folder, process.getuid?.() ?? 0, account.gid)
  fs.chmodSync(folder, 0o710)
}

function reachable(home: string, account: Account): string {
  fs.mkdirSync(home, { recursive: true, mode: 0o700 })
  letPass(home, account)
  if (!canReach(account, home)) throw unreachable(home, account)
  return home
}

/** The superuser's password: made on the first call, readable for us and for the server's account only. */
export function superuserPassword(home: string, account: Account | undefined): string | undefined {
  const file = path.join(home, 'superuser-password')
  if (fs.existsSync(file)) return fs.readFileSync(file, 'utf8').trim()
  if (fs.existsSync(path.join(home, 'cluster'))) return undefined
  const temporary = `${file}.${process.pid}`
  fs.writeFileSync(temporary, `${randomBytes(24).toString('base64url')}\n`, { mode: 0o600, flush: true })
  if (account !== undefined) fs.chownSync(temporary, account.uid, account.gid)
  fs.renameSync(temporary, file)
  return fs.readFileSync(file, 'utf8').trim()
}
