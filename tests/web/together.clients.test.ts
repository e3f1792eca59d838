import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { DESK, expectAccessible, keepScreen, openBrowser, visitAs } from './browser.ts'
import { openScene, type Person, type Scene } from './scene.ts'

// What takes several: administrators who agree.

const { url, adminPassword } = inject('sluice')
let browser: Browser
let scene: Scene
let lane: string

beforeAll(async () => {
  browser = await openBrowser()
  scene = await openScene({ url, adminPassword })
  ;({ lane } = await scene.stage())
})
afterAll(() => browser.close())

const open = (person: Person, path: string, viewport = DESK) => visitAs(browser, url, person, path, viewport)

test('a change of a lane into a trusted feed holds once another administrator confirms it', async () => {
  const second = await scene.administrator('omar')
  const proposing = await open(
    { name: 'admin', password: adminPassword, client: scene.admin },
    `/lanes/${lane}?edit=form`,
  )
  await proposing.page.getByLabel('A request stays open, in hours').fill('15')
  await proposing.page.getByRole('button', { name: /^Save as version/ }).click()
  await proposing.page.getByRole('heading', { name: 'A change is proposed' }).waitFor()
  expect(await proposing.page.getByRole('button', { name: 'Confirm' }).count()).toBe(0)
  await expectAccessible(proposing.page)
  await keepScreen(proposing.page, 'lane-proposed-desk')
  const before = await scene.admin.getLane({ params: { lane } })
  expect(before.pending?.by).toBe('admin')

  const { page, context, faults } = await open(second, `/?find=${lane}`)
  await page.getByText('Lane change to confirm').waitFor()
  await expectAccessible(page)
  await keepScreen(page, 'inbox-lane-change-desk')
  await page.getByRole('link', { name: lane }).click()
  await page.getByRole('heading', { name: 'A change is proposed' }).waitFor()
  expect(await page.locator('.diff [data-change=added]').allInnerTexts()).toContainEqual(
    expect.stringContaining('hours: 15'),
  )
  await expectAccessible(page)
  await keepScreen(page, 'lane-confirm-desk')
  await page.getByRole('button', { name: 'Confirm' }).click()
  await page.getByRole('heading', { name: 'A change is proposed' }).waitFor({ state: 'detached' })
  await page.getByText(`confirmed by ${second.name}`).waitFor()
  const after = await scene.admin.getLane({ params: { lane } })
  expect(after).toMatchObject({ version: before.version + 1, pending: null })
  expect([...faults, ...proposing.faults]).toEqual([])
  await Promise.all([context.close(), proposing.context.close()])
})
