import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { expectAccessible, keepScreen, openBrowser, signIn, visit } from './browser.ts'
import { openScene } from './scene.ts'

const { url, adminPassword } = inject('sluice')
let browser: Browser
let mark: string

beforeAll(async () => {
  browser = await openBrowser()
  const scene = await openScene({ url, adminPassword })
  mark = scene.mark
  for (const name of [`qa-${mark}`, `stage-${mark}`])
    await scene.admin.createFeed({ body: { name, stage: 'qa' } })
})
afterAll(() => browser.close())

test('a lane is made, edited as a form and as YAML with mistakes named in place, and keeps its versions', async () => {
  const { page, context, faults } = await visit(browser, url)
  await page.goto('/lanes')
  await signIn(page, { name: 'admin', password: adminPassword })
  await page.getByRole('button', { name: 'New lane …' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Name').fill(`lane-${mark}`)
  await dialog.getByLabel('From').selectOption(`qa-${mark}`)
  await dialog.getByLabel('To', { exact: true }).selectOption(`stage-${mark}`)
  await dialog.getByRole('button', { name: 'Make the lane' }).click()

  await page.getByLabel('How many').fill('2')
  await page.getByLabel('Minutes in the from feed').fill('30')
  await page.getByRole('button', { name: 'Save as version 2' }).click()
  await page.getByText('30 minutes in the from feed').waitFor()

  await page.getByRole('link', { name: 'Edit as YAML' }).click()
  const policy = page.getByRole('textbox', { name: 'Policy' })
  const text = await policy.inputValue()
  await policy.fill('gates: [')
  await page.getByText('Line 1:').waitFor()
  expect(await page.getByRole('button', { name: 'Save as version 3' }).isDisabled()).toBe(true)
  await policy.fill(text.replace('soak:', 'soaking:'))
  await page.getByRole('button', { name: 'Save as version 3' }).click()
  await page
    .getByText(/soaking/)
    .last()
    .waitFor()
  await expectAccessible(page)
  await keepScreen(page, 'lane-mistake-desk')
  await policy.fill(text.replace('minutes: 30', 'minutes: 45'))
  await page.getByRole('button', { name: 'Save as version 3' }).click()
  await page.getByText('45 minutes in the from feed').waitFor()

  await page.getByText('What it changed').first().click()
  const changed = page.locator('details[open] .diff [data-change=added]')
  expect(await changed.allInnerTexts()).toEqual([expect.stringContaining('minutes: 45')])
  await expectAccessible(page)
  await keepScreen(page, 'lane-versions-desk')
  expect(faults).toEqual([])
  await context.close()
})
