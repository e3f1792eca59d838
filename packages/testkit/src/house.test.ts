import fs from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'

// The import rule of the house (docs/adr/0003, EXAMPLES "a wall is a test"). Changing it needs an ADR.

const root = path.resolve(import.meta.dirname, '../../..')

/** What each room may import of its siblings, in shipped code; `oci/names` is that entry point alone. */
const rule: Record<string, readonly string[]> = {
  // ground: no sibling
  'packages/oci': [],
  'packages/proof': [],
  'packages/postgres': [],
  'packages/contract': ['oci/names'],
  'packages/promotion': ['oci', 'proof'],
  'packages/feed': ['oci'],
  'packages/store': ['promotion', 'feed', 'proof', 'oci'],
  'apps/api': ['store', 'feed', 'promotion', 'contract', 'oci', 'proof'],
  'apps/worker': ['store', 'feed', 'promotion', 'proof', 'oci', 'contract/environment'],
  'apps/cli': ['contract', 'proof', 'oci/names'],
  'apps/web': ['contract', 'proof', 'oci/names'],
  'apps/standalone': ['contract', 'postgres', 'store'],
  'packages/testkit': ['oci', 'postgres'],
}

/** Third parties that live behind one wall each: a package's name → the only places that import it. */
const walls: readonly (readonly [RegExp, readonly string[]])[] = [
  [/^@prisma\//, ['packages/store']],
  [/^(bullmq|ioredis)$/, ['apps/worker']],
  [/^express$/, ['apps/api']],
  [/^(@aws-sdk\/|aws4fetch$|minio$)/, ['packages/feed/src/storage']],
]

/** These also run in a browser. */
const browser = ['packages/proof/src', 'packages/contract/src', 'packages/oci/src/names.ts', 'apps/web/src']

type Import = { readonly file: string; readonly room: string; readonly to: string; readonly inTest: boolean }

function sources(folder: string): string[] {
  return fs
    .readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => /\.tsx?$/.test(file) && !/(^|\/)generated\//.test(file))
    .map((file) => path.posix.join(folder, file))
}

/** What the room's build leaves out: tests, and what only they use. */
function isTest(room: string, file: string): boolean {
  const config = JSON.parse(fs.readFileSync(path.join(root, room, 'tsconfig.build.json'), 'utf8'))
  return config.exclude.some((glob: string) => {
    const pattern = glob
      .replace(/[.+]/g, '\\$&')
      .replaceAll('*', '[^/]*')
      .replaceAll('[^/]*[^/]*/', '(?:.*/)?')
    return new RegExp(`^${room}/${pattern}(?:/|$)`).test(file)
  })
}

const fromClause = /(?:^|[\s;}])(?:from|import)\s*\(?\s*(['"])([^'"\s]+)\1/g

function importsOf(file: string): string[] {
  return [...fs.readFileSync(path.join(root, file), 'utf8').matchAll(fromClause)].map(([, , to]) => to ?? '')
}

const rooms = ['packages', 'apps'].flatMap((level) =>
  fs
    .readdirSync(path.join(root, level))
    .map((name) => `${level}/${name}`)
    .filter((room) => fs.existsSync(path.join(root, room, 'src'))),
)

const imports: readonly Import[] = rooms.flatMap((room) =>
  sources(`${room}/src`).flatMap((file) =>
    importsOf(file).map((to) => ({ file, room, to, inTest: isTest(room, file) })),
  ),
)

const breaches = (found: readonly Import[]): string[] => found.map(({ file, to }) => `${file} imports ${to}`)

test('the scan sees the imports', () => {
  expect(imports.filter(({ to }) => to.startsWith('@sluice/')).length).toBeGreaterThan(10)
})

test('every room has its place in the rule', () => {
  expect(rooms.filter((room) => !(room in rule))).toEqual([])
})

test('imports go down, never sideways or up', () => {
  const siblings = imports.filter(({ to, inTest }) => to.startsWith('@sluice/') && !inTest)
  const allowed = ({ room, to }: Import): boolean => {
    const name = to.slice('@sluice/'.length)
    return (rule[room] ?? []).some(
      (edge) => name === edge || (!edge.includes('/') && name.startsWith(`${edge}/`)),
    )
  }
  expect(breaches(siblings.filter((found) => !allowed(found)))).toEqual([])
})

test('what is imported is a dependency of that very package; testkit is one of none', () => {
  const dependencies = new Map(
    rooms.map((room) => {
      const manifest = JSON.parse(fs.readFileSync(path.join(root, room, 'package.json'), 'utf8'))
      return [room, Object.keys(manifest.dependencies ?? {})]
    }),
  )
  const packageOf = (to: string): string => to.split('/', to.startsWith('@') ? 2 : 1).join('/')
  // Testkit is what tests import, and runs where they do.
  const foreign = imports.filter(
    ({ room, to, inTest }) => !inTest && !/^(\.|node:)/.test(to) && room !== 'packages/testkit',
  )
  expect(
    breaches(foreign.filter(({ room, to }) => !dependencies.get(room)?.includes(packageOf(to)))),
  ).toEqual([])
  expect(rooms.filter((room) => dependencies.get(room)?.includes('@sluice/testkit'))).toEqual([])
})

test('no room reaches into another by a relative path', () => {
  const outside = imports.filter(({ file, room, to }) => {
    if (!to.startsWith('.')) return false
    return !path.posix.join(path.posix.dirname(file), to).startsWith(`${room}/`)
  })
  expect(breaches(outside)).toEqual([])
})

test.each(walls)('%s stays behind its wall', (thirdParty, places) => {
  const outside = imports.filter(
    ({ file, to, inTest }) =>
      thirdParty.test(to) && !inTest && !places.some((place) => file.startsWith(`${place}/`)),
  )
  expect(breaches(outside)).toEqual([])
})

test('what runs in a browser imports nothing of node, however far down', () => {
  const seen = new Set<string>()
  const found: string[] = []
  const visit = (file: string): void => {
    if (seen.has(file) || !fs.existsSync(path.join(root, file))) return
    seen.add(file)
    for (const to of importsOf(file)) {
      if (to.startsWith('node:') || to === 'crypto' || to === 'fs') found.push(`${file} imports ${to}`)
      if (to.startsWith('.')) visit(path.posix.join(path.posix.dirname(file), to))
    }
  }
  for (const place of browser) {
    if (place.endsWith('.ts')) visit(place)
    else if (fs.existsSync(path.join(root, place))) {
      for (const file of sources(place)) if (!isTest(place.replace('/src', ''), file)) visit(file)
    }
  }
  expect(seen.size).toBeGreaterThan(3)
  expect(found).toEqual([])
})
