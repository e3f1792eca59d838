// What a run found, under artifacts/bench/, with the machine it was found on.
import { mkdirSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { root } from '../scripts/prepare.mjs'

export const RESULTS = path.join(root, 'artifacts/bench')

/** Load before the run is what others did; a bench itself loads the machine. */
const before = os.loadavg()[0]

export function save(name, result) {
  mkdirSync(RESULTS, { recursive: true })
  const machine = {
    cpus: os.cpus().length,
    model: os.cpus()[0]?.model ?? '',
    memoryGB: Math.round(os.totalmem() / 1e9),
    node: process.version,
    loadBefore: before,
    loadAfter: os.loadavg()[0],
  }
  const file = path.join(RESULTS, `${name}.json`)
  writeFileSync(
    file,
    `${JSON.stringify({ name, at: new Date().toISOString(), machine, ...result }, null, 1)}\n`,
  )
}
