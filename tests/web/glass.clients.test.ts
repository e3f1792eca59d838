import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { DESK, expectAccessible, keepScreen, openBrowser, PHONE, visitAs } from './browser.ts'
import { makeImage } from './image.ts'
import { openScene, type Person, type Scene } from './scene.ts'

const { url, adminPassword } = inject('sluice')
let browser: Browser
let scene: Scene
let feed: string

beforeAll(async () => {
  browser = await openBrowser()
  scene = await openScene({ url, adminPassword })
  ;({ feed } = await scene.stage())
})
afterAll(() => browser.close())

const open = (person: Person, path: string, viewport = DESK) => visitAs(browser, url, person, path, viewport)

test('the glass is broken with a warning and a reason, and two others review it', async () => {
  const onCall = await scene.person('olga', { dev: ['pull', 'push'], [feed]: ['pull', 'break-glass'] })
  const reviewers = [
    await scene.person('anna', { dev: ['pull'], [feed]: ['pull', 'approve'] }),
    await scene.person('bert', { dev: ['pull'], [feed]: ['pull', 'approve'] }),
  ]
  const app = `team/fix-${scene.mark}`
  await scene.push(onCall, `dev/${app}`, '1.4.3', makeImage({ layers: [`fix ${scene.mark}`] }))

  const { page, context, faults } = await open(onCall, `/feeds/dev/repositories/${app}`)
  // Who may not ask is led to the only way there is.
  await page.getByRole('button', { name: 'Promote 1.4.3' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByText('without anybody’s approval').waitFor()
  const letIn = dialog.getByRole('button', { name: 'Let it in now' })
  await dialog.getByLabel('Why it cannot wait').fill('Production is down: INC-77')
  expect(await letIn.isDisabled()).toBe(true)
  await dialog.getByRole('checkbox').check()
  await expectAccessible(page)
  await keepScreen(page, 'break-glass-dialog-desk')
  await letIn.click()
  await page.getByRole('heading', { level: 2, name: 'Glass was broken' }).waitFor()
  await page.getByRole('heading', { level: 2, name: 'Promoted' }).waitFor()
  // Not by the person who broke it.
  expect(await page.getByRole('button', { name: 'Review …' }).count()).toBe(0)
  await expectAccessible(page)
  await keepScreen(page, 'request-break-glass-desk')

  for (const [position, reviewer] of reviewers.entries()) {
    const seen = await open(reviewer, `/?find=${app}`, PHONE)
    await seen.page.getByText('Break-glass to review').waitFor()
    if (position === 0) {
      await expectAccessible(seen.page)
      await keepScreen(seen.page, 'inbox-break-glass-phone')
    }
    await seen.page.getByRole('link', { name: `${app}:1.4.3` }).click()
    await seen.page.getByRole('button', { name: 'Review …' }).click()
    await seen.page.getByRole('dialog').getByLabel('What you found').fill('The fix of INC-77, and no more')
    await expectAccessible(seen.page)
    if (position === 0) await keepScreen(seen.page, 'review-dialog-phone')
    await seen.page.getByRole('button', { name: 'Record my review' }).click()
    await seen.page.getByText(reviewer.name).first().waitFor()
    await seen.page.getByRole('dialog').waitFor({ state: 'detached' })
    await seen.page.goto(`/?find=${app}`)
    await seen.page.getByText('Nothing waits for you').waitFor()
    expect(seen.faults).toEqual([])
    await seen.context.close()
  }
  await page.reload()
  await page.getByText('Reviewed by 2').waitFor()
  expect(await page.getByText('Needs review').count()).toBe(0)
  expect(faults).toEqual([])
  await context.close()
})
