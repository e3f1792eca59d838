import fs from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'

const root = path.resolve(import.meta.dirname, '..')
const skipped = new Set([
  'node_modules',
  '.git',
  '.sluice',
  '.turbo',
  'dist',
  'generated',
  'artifacts',
  'testdata',
])

function markdown(folder = ''): string[] {
  return fs.readdirSync(path.join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    if (skipped.has(entry.name)) return []
    const file = path.posix.join(folder, entry.name)
    if (entry.isDirectory()) return markdown(file)
    return file.endsWith('.md') ? [file] : []
  })
}

const read = (file: string): string => fs.readFileSync(path.join(root, file), 'utf8')
const prose = (text: string): string => text.replace(/^```[\s\S]*?^```/gm, '')

/** What GitHub makes of a heading. */
const anchor = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replaceAll(' ', '-')

const anchors = (file: string): string[] =>
  [...prose(read(file)).matchAll(/^#{1,6} (.+)$/gm)].map(([, heading]) => anchor(heading ?? ''))

function isBroken(file: string, link: string): boolean {
  const [to = '', fragment] = link.split('#')
  const target = to === '' ? file : path.posix.join(path.posix.dirname(file), decodeURIComponent(to))
  if (!fs.existsSync(path.join(root, target))) return true
  return fragment !== undefined && target.endsWith('.md') && !anchors(target).includes(fragment)
}

const files = markdown()

test('the documents are found', () => {
  expect(files).toEqual(expect.arrayContaining(['README.md', 'docs/path.md', 'docs/security.md']))
})

test.each(files)('%s has no broken link', (file) => {
  const links = [...prose(read(file)).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link ?? '')
  const relative = links.filter((link) => !/^[a-z]+:/.test(link))
  expect(relative.filter((link) => isBroken(file, link))).toEqual([])
})

test('every file that docs/path.md names is there', () => {
  const named = [...read('docs/path.md').matchAll(/`([\w./-]+\.\w+)`/g)].map(([, file]) => file ?? '')
  expect(named.length).toBeGreaterThan(20)
  expect(named.filter((file) => !fs.existsSync(path.join(root, file)))).toEqual([])
})

test('docs/operations.md lists every setting that there is', () => {
  const settings = new Set(
    read('packages/contract/src/environment.ts').match(/(?<=')(SLUICE_|DATABASE_|REDIS_)[A-Z_]*[A-Z](?=')/g),
  )
  expect(settings.size).toBeGreaterThan(15)
  const page = read('docs/operations.md')
  expect([...settings].filter((name) => !page.includes(`\`${name}\``))).toEqual([])
})
