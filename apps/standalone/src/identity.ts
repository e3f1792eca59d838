import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import { codeOf } from './error.ts'

/** A process, not just a number: two live processes never share both. */
export type Identity = { readonly pid: number; readonly start: string }

/** The identity of the live process with this number, or `undefined` when there is none (a zombie is none). */
export function identify(pid: number): Identity | undefined {
  const start = process.platform === 'linux' ? linuxStart(pid) : otherStart(pid)
  return start === undefined ? undefined : { pid, start }
}

/** Reads an identity back from parsed JSON. */
export function isIdentity(value: unknown): value is Identity {
  if (typeof value !== 'object' || value === null || !('pid' in value && 'start' in value)) return false
  return Number.isSafeInteger(value.pid) && typeof value.start === 'string'
}

export function isAlive({ pid, start }: Identity): boolean {
  return identify(pid)?.start === start
}

/** proc(5): the state is field 3 and the start in ticks since boot field 22; the name before may hold anything. */
function linuxStart(pid: number): string | undefined {
  try {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, 'latin1')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    if (fields[0] === 'Z' || fields[0] === 'X') return undefined
    return `${fs.readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()}:${fields[19]}`
  } catch {
    return undefined
  }
}

function otherStart(pid: number): string | undefined {
  try {
    process.kill(pid, 0)
  } catch (error) {
    if (codeOf(error) !== 'EPERM') return undefined
  }
  const { status, stdout } = spawnSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' })
  return status === 0 ? stdout.trim() : 'unknown'
}
