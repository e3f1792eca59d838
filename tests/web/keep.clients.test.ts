import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { DESK, expectAccessible, keepScreen, openBrowser, PHONE, settled, signIn, visit } from './browser.ts'
import { makeImage } from './image.ts'
import { openScene, type Person, type Scene } from './scene.ts'

// How a feed is kept: what it may take, what of it goes, and what is stored in all.

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

const open = async (person: Person, path: string, viewport = DESK) => {
  const visited = await visit(browser, url, { viewport })
  await visited.page.goto(path)
  await signIn(visited.page, person)
  return visited
}

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

test('retention rules are tried before they are saved, and what is wrong with them is told at the field', async () => {
  // What was pushed within a day stays whatever the rules say, so the answer of a feed with a longer past stands in.
  const { page, context, faults } = await open(admin, '/')
  await page.getByRole('heading', { level: 1, name: 'Inbox' }).waitFor()
  const digest = (at: number) => `sha256:${String(at).padStart(64, '0')}`
  let asked: unknown
  await page.route(`**/api/v1/feeds/${feed}/retention/preview`, async (route) => {
    const answer = await route.fetch()
    if (!answer.ok()) return route.fulfill({ response: answer })
    asked = route.request().postDataJSON()
    return route.fulfill({
      json: {
        items: [1, 2].map((at) => ({ repository: 'app', digest: digest(at), tags: [`0.${at}`] })),
        kept: [
          {
            repository: 'app',
            digest: digest(3),
            tags: ['0.3'],
            running: [{ site: 'prod-eu', digest: digest(3), since: '2026-11-20T10:00:00.000Z' }],
          },
          { repository: 'app', digest: digest(4), tags: [], running: [] },
        ],
        more: false,
      },
    })
  })
  await page.goto(`/admin/feeds/${feed}`)
  const retention = page.getByRole('region', { name: 'Retention' })
  await retention.getByText('Without rules, everything is kept.').waitFor()
  await retention.getByRole('button', { name: 'Add a rule' }).click()
  await retention.getByLabel('Repositories').fill('Not A Name')
  await retention.getByRole('button', { name: 'See what would go' }).click()
  await retention
    .getByText(/must be a repository name/)
    .first()
    .waitFor()
  expect(await retention.getByRole('button', { name: 'Save these rules' }).count()).toBe(0)
  await expectAccessible(page)
  await retention.getByLabel('Repositories').fill('app team/*')
  await retention.getByLabel('Last tags').fill('2')
  await retention.getByLabel('Tags named').fill('release')
  await retention.getByRole('button', { name: 'See what would go' }).click()
  await retention.getByText('2 images of 1 repository, with 2 tags, would go').waitFor()
  await retention.getByText('2 images stay because of what runs').waitFor()
  await retention.getByRole('link', { name: 'prod-eu' }).waitFor()
  await retention.getByText('it belongs to what runs').waitFor()
  const rules = [{ repositories: ['app', 'team/*'], keepLast: 2, keepTags: ['release'] }]
  expect(asked).toEqual({ rules })
  await expectAccessible(page)
  await keepScreen(page, 'retention-desk')
  // What is changed after it was tried is tried again.
  await retention.getByLabel('Last tags').fill('3')
  expect(await retention.getByRole('button', { name: 'Save these rules' }).count()).toBe(0)
  await retention.getByLabel('Last tags').fill('2')
  await retention.getByRole('button', { name: 'Save these rules' }).click()
  await retention.getByText('These rules are the feed’s now.').waitFor()
  expect((await scene.admin.getFeed({ params: { feed } })).retention).toEqual({ rules })
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

test('damaged blobs are told with what holds them', async () => {
  const { page, context, faults } = await open(admin, '/')
  await page.getByRole('heading', { level: 1, name: 'Inbox' }).waitFor()
  // The storage of the service is sound: what a broken disk would lead to is the answer here.
  await page.route('**/api/v1/storage', async (route) => {
    const answer = await route.fetch()
    const sound: object = await answer.json()
    const since = new Date().toISOString()
    const item = { digest: `sha256:${'d'.repeat(64)}`, size: 1_234_567, since, repositories: ['dev/app'] }
    await route.fulfill({ json: { ...sound, damaged: { count: 1, items: [item] } } })
  })
  await page.goto('/admin/storage')
  await page.getByText('1 quarantined').waitFor()
  await page.getByText('dev/app').waitFor()
  await expectAccessible(page)
  await keepScreen(page, 'storage-damaged-desk')
  expect(faults).toEqual([])
  await context.close()
})
