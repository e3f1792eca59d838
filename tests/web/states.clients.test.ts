import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { expectAccessible, keepScreen, openBrowser, settled, signIn, visit, visitAs } from './browser.ts'
import { before, openScene, type Person, type Scene } from './scene.ts'

// What a view says when there is nothing, when it may not be seen, and when the service does not answer.

const { url, adminPassword } = inject('sluice')
let browser: Browser
let scene: Scene
let nobody: Person
let reader: Person
let repository: string
let request: string

beforeAll(async () => {
  browser = await openBrowser()
  scene = await openScene({ url, adminPassword })
  const rita = await scene.requester()
  nobody = await scene.person('nobody', {})
  reader = await scene.person('reader', { trusted: ['pull'] })
  repository = `states/app-${scene.mark}`
  await scene.push(rita, `dev/${repository}`, '1.0.0', before)
  const image = `${repository}:1.0.0`
  request = (await rita.client.createRequest({ body: { lane: 'dev-to-trusted', image } })).id
})
afterAll(() => browser.close())

const open = (person: Person, path: string) => visitAs(browser, url, person, path)

test.each([
  ['/', 'Nothing waits for you'],
  ['/?show=mine', 'You have not asked for anything yet'],
  ['/?show=running', 'Nothing runs'],
  ['/?show=wrong', 'Nothing went wrong'],
  ['/?show=all', 'No requests yet'],
  ['/feeds', 'No feed is open to you'],
  ['/stages', 'Nothing was pushed yet'],
  ['/lanes', 'No lane is open to you'],
  ['/history', 'Nothing was promoted yet'],
  ['/history?tag=none', 'No promotion matches'],
  ['/history/tags', 'No tag was ever set here'],
  ['/history/tags?tag=none', 'No move matches'],
  ['/history/charts', 'Nothing was promoted in these weeks'],
])('%s of somebody who has nothing: %s', async (path, words) => {
  const { page, context, faults } = await open(nobody, path)
  await page.getByRole('heading', { name: words }).waitFor()
  await expectAccessible(page)
  expect(faults).toEqual([])
  await context.close()
})

test.each([
  ['a request', () => `/requests/${request}`],
  ['a feed', () => '/feeds/dev'],
  ['a digest', () => `/digests/${before.digest}`],
  ['a lane', () => '/lanes/dev-to-trusted'],
])('%s that may not be seen is not there', async (_, path) => {
  const { page, context } = await open(nobody, path())
  await page.getByRole('heading', { name: 'Not found' }).waitFor()
  await settled(page)
  await expectAccessible(page)
  await context.close()
})

test.each(['/admin', '/admin/groups', '/admin/grants', '/admin/feeds', '/admin/storage'])(
  '%s of somebody who administers nothing says what it takes',
  async (path) => {
    const { page, context, faults } = await open(nobody, path)
    await page.getByRole('heading', { name: 'You may not see this' }).waitFor()
    await page.getByText('admin').first().waitFor()
    // Nobody is led there either.
    expect(await page.getByRole('navigation', { name: 'Main' }).getByText('Admin').count()).toBe(0)
    await settled(page)
    await expectAccessible(page)
    await keepScreen(page, `forbidden${path.replaceAll('/', '-')}-desk`)
    expect(faults).toEqual([])
    await context.close()
  },
)

test.each([
  ['settings of a feed', '/admin/feeds/trusted', 'Settings of a feed take the grant'],
  ['grants of a feed', '/admin/grants?feed=trusted', 'It takes the role'],
  ['editing a lane', '/lanes/dev-to-trusted?edit=yaml', 'To edit this lane takes the grant admin on'],
  ['asking for several', '/requests/new', 'An administrator grants you pull on its first feed'],
])('%s by somebody who may only pull: what it takes is said', async (_, path, words) => {
  const { page, context, faults } = await open(reader, path)
  await page.getByText(words).waitFor()
  await settled(page)
  await expectAccessible(page)
  expect(faults).toEqual([])
  await context.close()
})

test('what may not be done is said, with who could grant it', async () => {
  const { page, context } = await open(reader, `/requests/${request}`)
  await page.getByText('To decide, you need the grant approve on trusted.').waitFor()
  expect(await page.getByRole('button', { name: 'Approve …' }).count()).toBe(0)
  await expectAccessible(page)
  await keepScreen(page, 'forbidden-desk')
  await context.close()
})

const failing: readonly (readonly [string, string, (page: Page) => Promise<unknown>])[] = [
  [
    '/?show=all&find=states%2Fapp',
    '**/api/v1/requests?*',
    (page) => page.getByRole('link', { name: `${repository}:1.0.0` }).waitFor(),
  ],
  [
    '/history/tags',
    '**/api/v1/tag-moves?*',
    (page) => page.getByRole('table', { name: 'Tag moves' }).waitFor(),
  ],
  [
    '/history',
    '**/api/v1/promotions?*',
    (page) => page.locator('main [role=table], main .panel h2').first().waitFor(),
  ],
  [
    '/history/charts',
    '**/api/v1/promotions/weeks?*',
    (page) => page.locator('main .panel h2').first().waitFor(),
  ],
  ['/feeds', '**/api/v1/feeds?*', (page) => page.getByRole('link', { name: 'dev', exact: true }).waitFor()],
]

test.each(failing)(
  '%s that could not be loaded says so, and comes when it is tried again',
  async (path, call, there) => {
    const { page, context } = await visit(browser, url)
    const detail = 'the database does not answer'
    await page.route(call, (route) =>
      route.fulfill({
        status: 503,
        contentType: 'application/problem+json',
        body: JSON.stringify({
          type: 'about:blank',
          title: 'Service Unavailable',
          status: 503,
          detail,
          code: 'unavailable',
          requestId: 'r-1234',
          errors: [],
        }),
      }),
    )
    await page.goto(path)
    await signIn(page, { name: 'admin', password: adminPassword })
    const alert = page.getByRole('alert')
    await alert.getByText(detail).waitFor()
    await alert.getByText('r-1234').waitFor()
    await expectAccessible(page)
    await page.unroute(call)
    await alert.getByRole('button', { name: 'Try again' }).click()
    await there(page)
    expect(await page.getByRole('alert').count()).toBe(0)
    await context.close()
  },
)

test('times are of the zone where one is, and of UTC on hover', async () => {
  const context = await browser.newContext({ baseURL: url, timezoneId: 'Asia/Kolkata', locale: 'en-GB' })
  const page = await context.newPage()
  await page.goto(`/requests/${request}`)
  await signIn(page, { name: 'admin', password: adminPassword })
  const asked = page.getByRole('region', { name: 'Asked' }).locator('time')
  const at = new Date((await asked.getAttribute('datetime')) ?? '')
  const there = new Date(at.getTime() + 5.5 * 3_600_000).toISOString()
  expect(await asked.innerText()).toContain(there.slice(11, 16))
  expect(await asked.getAttribute('title')).toBe(`${at.toISOString().slice(0, 19).replace('T', ' ')} UTC`)
  await context.close()
})

test('back and forward go through views as they were', async () => {
  const { page, context, faults } = await open(
    { ...nobody, name: 'admin', password: adminPassword },
    '/history/tags',
  )
  await page.getByLabel('Repository').fill(repository)
  await page.getByRole('button', { name: 'Show', exact: true }).click()
  await page.getByRole('link', { name: `dev/${repository}:1.0.0` }).click()
  await page.getByRole('heading', { name: 'The life of 1.0.0' }).waitFor()
  await page.getByRole('link', { name: 'Close' }).click()
  await page.getByRole('heading', { name: 'The life of 1.0.0' }).waitFor({ state: 'detached' })
  await page.goBack()
  await page.getByRole('heading', { name: 'The life of 1.0.0' }).waitFor()
  await page.goBack()
  await page.getByRole('heading', { level: 1, name: 'Tag moves' }).waitFor()
  expect(await page.getByLabel('Repository').inputValue()).toBe(repository)
  await page.goForward()
  await page.getByRole('heading', { name: 'The life of 1.0.0' }).waitFor()
  expect(faults).toEqual([])
  await context.close()
})
