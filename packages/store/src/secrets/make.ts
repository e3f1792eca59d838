import fs from 'node:fs'
import path from 'node:path'

/**
 * Makes a file that its owner alone reads, unless it is there. It is linked under its name when whole: of two that start
 * at once, both read the same key.
 */
export function makeKeyFile(file: string, key: string | Buffer): void {
  fs.mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 })
  const draft = `${file}.${process.pid}`
  fs.writeFileSync(draft, key, { mode: 0o600, flush: true })
  try {
    fs.linkSync(draft, file)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
  } finally {
    fs.rmSync(draft)
  }
}
