import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { codeOf, StandaloneError } from './error.ts'
import { identify, isAlive, isIdentity } from './identity.ts'

/** The data folder, held by this process until `release`. */
export type DataFolder = { readonly path: string; readonly release: () => void }

/**
 * Makes the folder private and takes its lock. A lock whose process is gone (kill -9, a reboot, its number
 * since given to another) is taken over.
 * @throws StandaloneError `already_running`, `bad_folder` when nothing can be written there
 */
export function openFolder(folder: string): DataFolder {
  try {
    fs.mkdirSync(folder, { recursive: true, mode: 0o700 })
    fs.accessSync(folder, fs.constants.W_OK)
  } catch (cause) {
    // Not the error's own words: of a read-only file system Node says that the folder is not there.
    const message = `cannot write to ${folder} (${codeOf(cause)}): give it to this user, or set SLUICE_DATA_DIR`
    throw new StandaloneError('bad_folder', message, cause)
  }
  const { mode, uid } = fs.statSync(folder)
  // Passing through stays allowed for the group: PostgreSQL's own account needs it when root starts us.
  if ((mode & 0o067) !== 0 && uid === process.getuid?.()) fs.chmodSync(folder, mode & 0o710)

  const lock = path.join(folder, 'supervisor.lock')
  const mine = JSON.stringify(identify(process.pid))
  const draft = `${lock}.${process.pid}`
  fs.writeFileSync(draft, mine, { mode: 0o600 })
  try {
    while (!linked(draft, lock)) removeStale(folder, lock)
  } finally {
    fs.rmSync(draft, { force: true })
  }
  return {
    path: folder,
    release: () => {
      if (readIfThere(lock) === mine) fs.rmSync(lock)
    },
  }
}

/** link(2) makes the name or fails, and the file under it is whole from the first moment. */
function linked(draft: string, lock: string): boolean {
  try {
    fs.linkSync(draft, lock)
    return true
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false
    throw error
  }
}

function removeStale(folder: string, lock: string): void {
  const seen = readIfThere(lock)
  if (seen === undefined) return
  refuseIfHeld(folder, seen)
  // Moved, then compared: of two starters that both saw the stale lock, one may have replaced it already.
  const moved = `${lock}.${process.pid}.stale`
  try {
    fs.renameSync(lock, moved)
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return
    throw error
  }
  const taken = fs.readFileSync(moved, 'utf8')
  if (taken !== seen) linked(moved, lock)
  fs.rmSync(moved)
  if (taken !== seen) refuseIfHeld(folder, taken)
}

function refuseIfHeld(folder: string, content: string): void {
  const holder = parseJson(content)
  if (isIdentity(holder) && isAlive(holder)) {
    throw new StandaloneError(
      'already_running',
      `Sluice already runs on ${folder} (process ${holder.pid}): stop that one, or set another SLUICE_DATA_DIR and SLUICE_PORT`,
    )
  }
}

/** A private JSON file of the folder, whole or absent also after a crash. */
export function writePrivate(folder: string, name: string, content: unknown): void {
  const file = path.join(folder, name)
  fs.writeFileSync(`${file}.new`, `${JSON.stringify(content)}\n`, { mode: 0o600, flush: true })
  fs.renameSync(`${file}.new`, file)
}

/** @throws StandaloneError `bad_folder` when it is there but is not what `accept` accepts */
export function readPrivate<T>(
  folder: string,
  name: string,
  accept: (value: unknown) => value is T,
): T | undefined {
  const content = readIfThere(path.join(folder, name))
  if (content === undefined) return undefined
  const value = parseJson(content)
  if (!accept(value)) {
    throw new StandaloneError('bad_folder', `${path.join(folder, name)} is damaged: restore it`)
  }
  return value
}

type RolePasswords = { api: string; worker: string }

function isRolePasswords(value: unknown): value is RolePasswords {
  if (typeof value !== 'object' || value === null || !('api' in value && 'worker' in value)) return false
  return typeof value.api === 'string' && typeof value.worker === 'string'
}

/** The database roles' passwords: generated at the first start, the same ever after. */
export function rolePasswords(folder: string): RolePasswords {
  const name = 'role-passwords.json'
  const kept = readPrivate(folder, name, isRolePasswords)
  if (kept !== undefined) return kept
  const made = { api: randomBytes(24).toString('base64url'), worker: randomBytes(24).toString('base64url') }
  writePrivate(folder, name, made)
  return made
}

function readIfThere(file: string): string | undefined {
  try {
    return fs.readFileSync(file, 'utf8')
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}

function parseJson(content: string): unknown {
  try {
    return JSON.parse(content)
  } catch {
    return undefined
  }
}
