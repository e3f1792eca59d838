import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { expect, test } from 'vitest'
import { makeKeyFile } from './make.ts'

test('a key file is made once, for its owner alone, and leaves no draft', () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'sluice-key-'))
  try {
    const file = path.join(folder, 'keys', 'secret.key')
    makeKeyFile(file, 'first')
    makeKeyFile(file, 'second')
    expect(fs.readFileSync(file, 'utf8')).toBe('first')
    expect(fs.statSync(file).mode & 0o777).toBe(0o600)
    expect(fs.readdirSync(path.dirname(file))).toEqual(['secret.key'])
  } finally {
    fs.rmSync(folder, { recursive: true })
  }
})
