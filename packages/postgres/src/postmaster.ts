import fs from 'node:fs'
import path from 'node:path'
import { codeOf } from './error.ts'

/** What `postmaster.pid` says (PostgreSQL: src/include/utils/pidfile.h). */
export type Postmaster = { readonly pid: number; readonly port: number; readonly ready: boolean }

/**
 * The live server of a cluster, or `undefined`. A pid file left by kill -9 or by a container's restart may
 * name a process that is now something else (even ourselves): such a file is defused, see {@link defuse}.
 */
export function livePostmaster(cluster: string): Postmaster | undefined {
  const file = path.join(cluster, 'postmaster.pid')
  let lines: string[]
  try {
    lines = fs.readFileSync(file, 'utf8').split('\n')
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
  const pid = Number(lines[0])
  if (!Number.isInteger(pid) || pid <= 0 || !alive(pid)) return undefined
  if (!servesCluster(pid, cluster)) {
    defuse(file, lines)
    return undefined
  }
  return { pid, port: Number(lines[3]), ready: lines[7]?.trim() === 'ready' }
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return codeOf(error) === 'EPERM'
  }
}

/** A postmaster works in its cluster's folder. Without /proc a live process is believed to be it. */
function servesCluster(pid: number, cluster: string): boolean {
  if (process.platform !== 'linux') return true
  try {
    return fs.readlinkSync(`/proc/${pid}/cwd`) === fs.realpathSync(cluster)
  } catch {
    return false
  }
}

/**
 * Replaces the process in a stale pid file by one that cannot exist (beyond the kernel's PID_MAX_LIMIT). The
 * file itself stays: its shared memory key keeps a new server away from the old one's last backends.
 */
function defuse(file: string, lines: readonly string[]): void {
  fs.writeFileSync(file, ['99999999', ...lines.slice(1)].join('\n'))
}
