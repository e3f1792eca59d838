import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { DESK, expectAccessible, keepScreen, openBrowser, PHONE, settled, visitAs } from './browser.ts'
import { makeImage } from './image.ts'
import { openScene, type Person, type Scene } from './scene.ts'

// How a feed is kept: what it may take, and what is stored in all.

const { url, adminPassword } = inject('sluice')
let browser: Browser
let scene: Scene
let admin: Person
let feed: string

beforeAll(async () => {
  browser = await openBrowser()
  scene = await openScene({ url, adminPassword })
  admin = { name: 'admin', password: adminPassword, client: scene.admin }
  feed = `keep-${scene.mark}`
  await scene.admin.createFeed({ body: { name: feed, stage: 'dev' } })
  const rita = await scene.person('rita', { [feed]: ['pull', 'push'] })
  for (const tag of ['1.0', '1.1', '1.2'])
    await scene.push(rita, `${feed}/app`, tag, makeImage({ layers: [`${feed} ${tag} `] }))
})
afterAll(() => browser.close())

const open = (person: Person, path: string, viewport = DESK) => visitAs(browser, url, person, path, viewport)

test('a quota warns by its colour, and refuses what is no size', async () => {
  const { page, context, faults } = await open(admin, `/admin/feeds/${feed}`)
  const quota = page.getByRole('region', { name: 'Quota' })
  await quota.getByText('of no limit').waitFor()
  const save = quota.getByRole('button', { name: 'Save the quota' })
  await quota.getByLabel('What its blobs may take').fill('much')
  await quota.getByText('This is no size of at least one byte.').waitFor()
  expect(await save.isDisabled()).toBe(true)
  const { used } = await scene.admin.getFeed({ params: { feed } })
  for (const [share, tone] of [
    [0.5, 'good'],
    [0.9, 'wait'],
    [1.2, 'bad'],
  ] as const) {
    await quota.getByLabel('Unit').selectOption('MB')
    await quota.getByLabel('What its blobs may take').fill(String(Math.ceil(used / share) / 1e6))
    await save.click()
    await quota.locator(`.bar.${tone}`).waitFor()
    await expectAccessible(page)
  }
  await quota.getByText('full: takes no pushes').waitFor()
  await keepScreen(page, 'feed-admin-full-desk')
  expect(faults).toEqual([])
  await context.close()
})

test('the storage is shown to an auditor, and to nobody without a role', async () => {
  const auditor = await scene.person('alma', {})
  await scene.admin.updateUser({ params: { name: auditor.name }, body: { roles: ['auditor'] } })
  const shown = await open(auditor, '/admin/storage', PHONE)
  await shown.page.getByRole('heading', { name: 'Garbage collection' }).waitFor()
  await shown.page.getByText('Every blob hashed since').waitFor()
  await settled(shown.page)
  await expectAccessible(shown.page)
  await keepScreen(shown.page, 'storage-auditor-phone')
  const hidden = await open(await scene.person('nick', {}), '/admin/storage')
  await hidden.page.getByText('You may not see this').waitFor()
  await keepScreen(hidden.page, 'storage-forbidden-desk')
  expect([...shown.faults, ...hidden.faults]).toEqual([])
  await Promise.all([shown.context.close(), hidden.context.close()])
})
