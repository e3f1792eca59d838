import type { Browser, Locator } from 'playwright-core'
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
import { expectKeyboard } from './keyboard.ts'
import { after, before, openScene, type Person } from './scene.ts'

// Every view with something in it: nothing serious for axe, nothing wider than the screen, all of it by keyboard, one
// picture each.

const { url, adminPassword } = inject('sluice')
const LONG = 'a-name-of-a-repository-that-goes-on-and-on-and-on'
const LONG_TAG = '2026.11.23-build.1234567890-of-a-branch-with-a-long-name'

let browser: Browser
let admin: Person
const ids: Record<string, string> = {}

beforeAll(async () => {
  browser = await openBrowser()
  const scene = await openScene({ url, adminPassword })
  const [rita, anna] = [await scene.requester(), await scene.approver()]
  admin = { name: 'admin', password: adminPassword, client: scene.admin }
  const app = `views/app-${scene.mark}`
  const long = `views/${LONG}/${LONG}/${scene.mark}`
  await scene.push(rita, `dev/${app}`, '1.4.1', before)
  await scene.push(rita, `dev/${app}`, '1.4.2', after)
  await scene.push(rita, `dev/${long}`, LONG_TAG, makeImage({ layers: ['long'] }))
  await scene.describe(rita)
  const ask = async (image: string, more: object = {}) =>
    (await rita.client.createRequest({ body: { lane: 'dev-to-trusted', image, ...more } })).id
  ids['done'] = await scene.promote(`${app}:1.4.1`, rita, anna)
  ids['open'] = await ask(`${app}:1.4.2`, {
    reason: 'Fixes the login loop.',
    links: { 'CI run': 'https://ci.example/runs/4711', ticket: 'APP-123' },
  })
  ids['long'] = await ask(`${long}:${LONG_TAG}`, { reason: 'x'.repeat(500) })
  ids['digest'] = before.digest
  ids['app'] = app
  // A site in every state of what runs, with names that go on and on.
  const site = `site-${LONG}`.slice(0, 64)
  await scene.admin.createSite({ body: { name: site, reporters: ['admin'] } })
  await scene.admin.reportRunning({
    params: { site },
    body: [
      { digest: before.digest, image: `registry.example/trusted/${app}:1.4.1` },
      { digest: after.digest, image: `registry.example/dev/${long}:${LONG_TAG}` },
      { digest: `sha256:${'0'.repeat(64)}` },
    ],
  })
  ids['site'] = site
  await scene.admin.createGroup({ body: { name: `views-${scene.mark}`, members: [rita.name, anna.name] } })
  await scene.admin.createToken({ body: { name: 'a token for the pictures', scopes: ['pull:dev'] } })
})
afterAll(() => browser.close())

const views: Readonly<Record<string, () => string>> = {
  inbox: () => '/',
  'inbox-all': () => '/?show=all',
  'inbox-wrong': () => '/?show=wrong',
  request: () => `/requests/${ids['open']}`,
  'request-long': () => `/requests/${ids['long']}`,
  'request-promoted': () => `/requests/${ids['done']}`,
  'request-missing': () => '/requests/0190b0a0-0000-7000-8000-000000000000',
  feeds: () => '/feeds',
  stages: () => '/stages',
  feed: () => '/feeds/dev',
  repository: () => `/feeds/dev/repositories/${ids['app']}?tag=1.4.1`,
  digest: () => `/digests/${ids['digest']}`,
  recalls: () => '/recalls?show=all',
  running: () => '/running',
  site: () => `/running/${ids['site']}`,
  lanes: () => '/lanes',
  lane: () => '/lanes/dev-to-trusted',
  'lane-form': () => '/lanes/dev-to-trusted?edit=form',
  'lane-yaml': () => '/lanes/dev-to-trusted?edit=yaml',
  history: () => '/history',
  'history-tags': () => '/history/tags',
  'history-tag-then': () =>
    `/history/tags?feed=trusted&repository=${encodeURIComponent(ids['app'] ?? '')}&tag=%221.4.1%22&at=2030-01-01T12:00`,
  'history-charts': () => '/history/charts',
  users: () => '/admin',
  groups: () => '/admin/groups',
  grants: () => '/admin/grants',
  'feeds-admin': () => '/admin/feeds',
  'feed-admin': () => '/admin/feeds/dev',
  'feed-admin-trusted': () => '/admin/feeds/trusted',
  storage: () => '/admin/storage',
  tokens: () => '/tokens',
  guide: () => '/guide',
}

describe.each([
  ['phone', { viewport: PHONE }],
  ['tablet-dark', { viewport: TABLET, dark: true }],
  ['desk', { viewport: DESK }],
])('%s', (size, options) => {
  let visited: Visit
  beforeAll(async () => {
    visited = await visit(browser, url, options)
    await visited.page.goto('/sign-in')
    await expectAccessible(visited.page)
    await keepScreen(visited.page, `sign-in-${size}`)
    await signIn(visited.page, admin)
    await visited.page.getByRole('heading', { level: 1, name: 'Inbox' }).waitFor()
  })
  afterAll(() => visited.context.close())

  test.each(Object.keys(views))('%s', async (name) => {
    const { page, faults } = visited
    await page.goto(views[name]?.() ?? '/')
    await page.locator('main h1, main h2').first().waitFor()
    await settled(page)
    await keepScreen(page, `${name}-${size}`)
    await expectNoSidewaysScroll(page)
    // Light and dark are looked into once each; the wide layout has nothing of its own.
    if (size !== 'desk') await expectAccessible(page)
    else await expectKeyboard(page)
    expect(faults.splice(0)).toEqual([])
  })
})

test('all of the main way works by keyboard', async () => {
  const { page, context } = await visit(browser, url)
  await page.goto('/sign-in')
  await page.getByLabel('User name').waitFor()
  await page.keyboard.type('admin')
  await page.keyboard.press('Tab')
  await page.keyboard.type(adminPassword)
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { level: 1, name: 'Inbox' }).waitFor()
  await page.keyboard.press('Tab')
  expect(await page.evaluate('document.activeElement.textContent')).toBe('Skip to content')
  await page.goto(`/requests/${ids['open']}`)
  const approve = page.getByRole('button', { name: 'Approve …' })
  await approve.waitFor()
  for (let presses = 0; presses < 40 && !(await focused(approve)); presses++) await page.keyboard.press('Tab')
  expect(await focused(approve)).toBe(true)
  await page.keyboard.press('Enter')
  await page.getByRole('dialog').waitFor()
  // The focus goes there once the dialog is drawn.
  await expect
    .poll(() => page.evaluate('document.querySelector("[role=dialog]").contains(document.activeElement)'))
    .toBe(true)
  await page.keyboard.press('Escape')
  await page.getByRole('dialog').waitFor({ state: 'detached' })
  expect(await focused(approve)).toBe(true)
  // And to the end: the comment, the button that sends it, and what became of it is said.
  await page.keyboard.press('Enter')
  const dialog = page.getByRole('dialog')
  const send = dialog.getByRole('button', { name: 'Approve this digest' })
  await dialog.getByLabel('Comment').waitFor()
  for (let presses = 0; presses < 10 && !(await focused(dialog.getByLabel('Comment'))); presses++)
    await page.keyboard.press('Tab')
  await page.keyboard.type('Looked at by keyboard')
  for (let presses = 0; presses < 10 && !(await focused(send)); presses++) await page.keyboard.press('Tab')
  await page.keyboard.press('Enter')
  await page.getByRole('status', { name: 'State' }).getByText('Promoted').waitFor()
  await page.getByText('Looked at by keyboard').waitFor()
  await context.close()
})

const focused = (of: Locator): Promise<boolean> =>
  of.evaluate((node) => node === node.ownerDocument.activeElement)
