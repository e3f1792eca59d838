import { spawnSync } from 'node:child_process'
import { PostgresError } from './error.ts'

/** The operating system's user that runs the server; `undefined` means our own. */
export type Account = { readonly name: string; readonly uid: number; readonly gid: number }

/**
 * PostgreSQL refuses to run as root, so root hands it to an account that exists already: `postgres`, else
 * `nobody`. Anyone else runs it as themselves.
 * @throws PostgresError `no_account`
 */
export function serverAccount(): Account | undefined {
  if (process.getuid?.() !== 0) return undefined
  for (const name of ['postgres', 'nobody']) {
    const uid = identity('-u', name)
    const gid = identity('-g', name)
    if (uid !== undefined && gid !== undefined && uid !== 0) return { name, uid, gid }
  }
  throw new PostgresError(
    'no_account',
    'PostgreSQL does not run as root and neither a user "postgres" nor "nobody" exists: start as another user, or set DATABASE_URL',
  )
}

/** Whether the account may enter `folder` (or execute the file): asked of the system itself, so that ACLs count. */
export function canReach(account: Account | undefined, target: string): boolean {
  if (account === undefined) return true
  const { uid, gid } = account
  const probe = spawnSync('/bin/sh', ['-c', 'test -x "$1"', 'sh', target], { uid, gid, cwd: '/' })
  return probe.status === 0
}

function identity(flag: '-u' | '-g', name: string): number | undefined {
  const { status, stdout } = spawnSync('id', [flag, name], { encoding: 'utf8' })
  return status === 0 ? Number(stdout.trim()) : undefined
}
