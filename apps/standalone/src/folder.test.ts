import { spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { openFolder, readPrivate, rolePasswords, writePrivate } from './folder.ts'
import { identify, isAlive } from './identity.ts'

const root = fs.mkdtempSync(path.join(os.tmpdir(), 'sluice-folder-'))
afterAll(() => fs.rmSync(root, { recursive: true, force: true }))
const lockOf = (folder: string): string => path.join(folder, 'supervisor.lock')

test('makes the folder private, and takes group and world out of one that is there', () => {
  const made = path.join(root, 'a', 'made')
  openFolder(made).release()
  expect(fs.statSync(made).mode & 0o777).toBe(0o700)
  fs.chmodSync(made, 0o755)
  openFolder(made).release()
  expect(fs.statSync(made).mode & 0o777).toBe(0o710)
})

test('a folder that cannot be made is named', () => {
  const file = path.join(root, 'file')
  fs.writeFileSync(file, '')
  for (const folder of [file, path.join(file, 'data')]) {
    expect(() => openFolder(folder)).toThrow(
      expect.objectContaining({ code: 'bad_folder', message: expect.stringContaining(folder) }),
    )
  }
})

test('is held until released', () => {
  const folder = path.join(root, 'held')
  const held = openFolder(folder)
  expect(() => openFolder(folder)).toThrow(expect.objectContaining({ code: 'already_running' }))
  held.release()
  openFolder(folder).release()
  expect(fs.readdirSync(folder)).toEqual([])
})

test('a release leaves the lock of a successor alone', () => {
  const folder = path.join(root, 'successor')
  const held = openFolder(folder)
  fs.writeFileSync(lockOf(folder), 'of another')
  held.release()
  expect(fs.existsSync(lockOf(folder))).toBe(true)
})

test.each([
  ['a dead process', async () => JSON.stringify(await deadProcess())],
  [
    'a number that is another process now',
    async () => JSON.stringify({ pid: process.pid, start: 'earlier' }),
  ],
  ['nothing readable', async () => '{'],
  ['nothing meant', async () => 'null'],
])('a lock that names %s is taken over', async (_, content) => {
  const folder = fs.mkdtempSync(path.join(root, 'stale-'))
  fs.writeFileSync(lockOf(folder), await content())
  const { release } = openFolder(folder)
  expect(JSON.parse(fs.readFileSync(lockOf(folder), 'utf8'))).toEqual(identify(process.pid))
  expect(fs.readdirSync(folder)).toEqual(['supervisor.lock'])
  release()
})

test('a process is identified while it lives', async () => {
  const me = identify(process.pid)
  expect(me).toMatchObject({ pid: process.pid })
  expect(me !== undefined && isAlive(me)).toBe(true)
  const dead = await deadProcess()
  expect(isAlive(dead)).toBe(false)
})

test('role passwords are made once, private, and unlike each other', () => {
  const folder = fs.mkdtempSync(path.join(root, 'roles-'))
  const made = rolePasswords(folder)
  expect(rolePasswords(folder)).toEqual(made)
  expect(made.api).toMatch(/^[\w-]{32}$/)
  expect(made.worker).toMatch(/^[\w-]{32}$/)
  expect(made.api).not.toBe(made.worker)
  expect(fs.statSync(path.join(folder, 'role-passwords.json')).mode & 0o777).toBe(0o600)
})

test.each(['[1', '["a"]', ''])('a private file that holds %j is refused, not overwritten', (content) => {
  const accept = (value: unknown): value is number[] => Array.isArray(value) && value.every(Number.isInteger)
  expect(readPrivate(root, 'absent.json', accept)).toBeUndefined()
  writePrivate(root, 'x.json', [1])
  expect(readPrivate(root, 'x.json', accept)).toEqual([1])
  fs.writeFileSync(path.join(root, 'x.json'), content)
  expect(() => readPrivate(root, 'x.json', accept)).toThrow(expect.objectContaining({ code: 'bad_folder' }))
})

async function deadProcess() {
  const child = spawn(process.execPath, ['-e', 'process.stdin.resume()'], {
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  const identity = identify(child.pid ?? 0)
  child.stdin.end()
  await once(child, 'exit')
  if (identity === undefined) throw new Error('the process was not there')
  return identity
}
