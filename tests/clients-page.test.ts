import fs from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { columns } from '../scripts/clients.mjs'

const root = path.resolve(import.meta.dirname, '..')
const page = fs.readFileSync(path.join(root, 'docs/clients.md'), 'utf8')
const rows = page
  .split('\n')
  .filter((line) => line.startsWith('| '))
  .map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  )

/** The clients that have tests, by the names in them. */
const tested = fs
  .readdirSync(path.join(root, 'tests/clients'))
  .map((file) => fs.readFileSync(path.join(root, 'tests/clients', file), 'utf8'))
  .flatMap((text) => [...text.matchAll(/^client\('(\w+)'/gm)].map(([, name]) => name ?? ''))

test('docs/clients.md has a row for every client that is tested, and no other', () => {
  expect(tested.length).toBeGreaterThan(10)
  expect(rows.slice(2).map(([name]) => name)).toEqual(tested.sort())
})

test('it says of every client what it does, or why not', () => {
  expect(rows[0]).toEqual(['client', 'version', ...Object.values(columns)])
  for (const [name, version, ...cells] of rows.slice(2)) {
    expect([name, version]).toEqual([name, expect.stringMatching(/^\d+(\.\d+)+$/)])
    expect(cells.filter((cell) => !/^(✓|— \S)/.test(cell))).toEqual([])
  }
})
