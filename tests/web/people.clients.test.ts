import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import {
  DESK,
  expectAccessible,
  expectNoSidewaysScroll,
  keepScreen,
  openBrowser,
  PHONE,
  settled,
  signIn,
  TABLET,
  type Visit,
  visit,
} from './browser.ts'
import { makeImage } from './image.ts'
import { after, before, openScene, type Person } from './scene.ts'

// The same service as those see it who are no administrators, each in a size and scheme that no other test has.

const { url, adminPassword } = inject('sluice')
const LONG = 'a-repository-with-a-name-that-hardly-fits-anywhere'

let browser: Browser
const people: Record<string, Person> = {}
const at: Record<string, string> = {}

beforeAll(async () => {
  browser = await openBrowser()
  const scene = await openScene({ url, adminPassword })
  const [rita, anna] = [await scene.requester(), await scene.approver()]
  people['requester'] = rita
  people['approver'] = anna
  people['developer'] = await scene.person('dora', { trusted: ['pull'] })
  people['auditor'] = await scene.person('alma', { dev: ['pull'], trusted: ['pull'] })
  await scene.admin.updateUser({ params: { name: people['auditor'].name }, body: { roles: ['auditor'] } })
  const app = `people/app-${scene.mark}`
  const long = `people/${LONG}/${scene.mark}`
  await scene.push(rita, `dev/${app}`, '1.4.1', before)
  await scene.push(rita, `dev/${app}`, '1.4.2', after)
  await scene.push(rita, `dev/${long}`, '1.0.0', makeImage({ layers: [`long ${scene.mark} `] }))
  await scene.describe(rita)
  at['promoted'] = `/requests/${await scene.promote(`${app}:1.4.1`, rita, anna)}`
  const items = [{ image: `${app}:1.4.2` }, { image: `${long}:1.0.0` }]
  const set = await rita.client.createRequest({
    body: { lane: 'dev-to-trusted', items, reason: 'Release 1.4.2, with all that goes with it' },
  })
  at['set'] = `/requests/${set.id}`
  at['set-item'] = `/requests/${set.id}?item=1`
  const link = new URLSearchParams([
    ['lane', 'dev-to-trusted'],
    ['image', `${app}:1.4.2 1.4.2 stable`],
    ['image', `${long}:1.0.0`],
  ])
  at['release'] = `/requests/new?${link.toString()}`
  at['repository'] = `/feeds/trusted/repositories/${app}?tag=1.4.1`
  at['digest'] = `/digests/${before.digest}`
  at['tag-then'] =
    `/history/tags?feed=trusted&repository=${encodeURIComponent(app)}&tag=%221.4.1%22&at=2030-01-01T12:00`
})
afterAll(() => browser.close())

const everyone = {
  inbox: '/',
  promoted: 'promoted',
  set: 'set',
  'set-item': 'set-item',
  feeds: '/feeds',
  stages: '/stages',
  repository: 'repository',
  digest: 'digest',
  lanes: '/lanes',
  lane: '/lanes/dev-to-trusted',
  history: '/history',
  charts: '/history/charts',
  'tag-then': 'tag-then',
  tokens: '/tokens',
  running: '/running',
  guide: '/guide',
} as const

describe.each([
  ['requester', { viewport: PHONE, dark: true }, { mine: '/?show=mine', release: 'release' }],
  ['approver', { viewport: TABLET }, { all: '/?show=all' }],
  ['auditor', { viewport: DESK, dark: true }, { moves: '/history/tags', storage: '/admin/storage' }],
  ['developer', { viewport: PHONE, dark: true }, {}],
] as const)('as a %s', (role, options, own) => {
  let visited: Visit
  beforeAll(async () => {
    visited = await visit(browser, url, options)
    await visited.page.goto('/')
    await signIn(visited.page, people[role] ?? { name: '', password: '' })
    await visited.page.getByRole('heading', { level: 1, name: 'Inbox' }).waitFor()
  })
  afterAll(() => visited.context.close())

  test.each(Object.entries({ ...everyone, ...own }))('%s', async (name, where) => {
    const { page, faults } = visited
    await page.goto(at[where] ?? where)
    await page.locator('main h1, main h2').first().waitFor()
    await settled(page)
    await keepScreen(page, `as-${role}-${name}`)
    await expectNoSidewaysScroll(page)
    await expectAccessible(page)
    expect(faults.splice(0)).toEqual([])
  })
})
