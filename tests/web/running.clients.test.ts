import { createHash } from 'node:crypto'
import type { Client } from '@sluice/contract'
import { createClient } from '@sluice/contract'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import {
  DESK,
  expectAccessible,
  expectNoSidewaysScroll,
  keepScreen,
  openBrowser,
  PHONE,
  settled,
  visitAs,
} from './browser.ts'
import { makeImage } from './image.ts'
import { openScene, type Person, type Scene } from './scene.ts'

// What clusters say they run, beside what was let in: sites, drift, a digest's page, and a recall that still runs.

const { url, adminPassword } = inject('sluice')
const [good, bad, held] = [
  makeImage({ layers: ['runs good '] }),
  makeImage({ layers: ['runs bad '] }),
  makeImage({ layers: ['runs held '] }),
]
const strange = `sha256:${createHash('sha256').update('never pushed').digest('hex')}`
let browser: Browser
let scene: Scene
let admin: Person
let rita: Person
let sam: Person
let feed: string
let app: string
let site: string
let robot: Client

beforeAll(async () => {
  browser = await openBrowser()
  scene = await openScene({ url, adminPassword })
  admin = { name: 'admin', password: adminPassword, client: scene.admin }
  const stage = await scene.stage()
  feed = stage.feed
  rita = await scene.person('rita', { dev: ['pull', 'push'], [feed]: ['pull', 'request'] })
  sam = await scene.person('sam', { dev: ['pull'], [feed]: ['pull', 'recall'] })
  const anna = await scene.person('anna', { dev: ['pull'], [feed]: ['pull', 'approve'] })
  app = `team/runs-${scene.mark}`
  site = `prod-${scene.mark}`
  for (const [tag, image] of [
    ['1.0.0', good],
    ['1.1.0', bad],
  ] as const) {
    await scene.push(rita, `dev/${app}`, tag, image)
    await scene.promote(`${app}:${tag}`, rita, anna, { lane: stage.lane, targetTags: [tag] })
  }
  await scene.push(rita, `dev/${app}`, '1.2.0', held)
})
afterAll(() => browser.close())

const open = (person: Person, path: string, viewport = DESK) => visitAs(browser, url, person, path, viewport)

const report = (digests: readonly string[]) =>
  robot.reportRunning({
    params: { site },
    body: digests.map((digest) => ({ digest, image: `registry.example/${feed}/${app}:1` })),
  })

test('a site is made, told how to report, and shows what runs there once it does', async () => {
  const { page, context, faults } = await open(admin, '/running')
  await page.getByRole('heading', { level: 1, name: 'Where it runs' }).waitFor()
  await page.getByRole('button', { name: 'New site …' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Name').fill('Prod EU')
  await dialog.getByRole('button', { name: 'Save' }).click()
  await dialog.getByText(/^a name is 1 to 64 of a-z/).waitFor()
  await expectAccessible(page)
  await dialog.getByLabel('Name').fill(site)
  await dialog.getByRole('button', { name: 'Save' }).click()
  await dialog.waitFor({ state: 'detached' })
  await page.getByRole('row').filter({ hasText: site }).getByText('Never reported').waitFor()

  const token = { name: site, robot: site, scopes: [`report:${site}`] }
  const { secret } = await scene.admin.createToken({ body: token })
  robot = createClient({ url, token: secret })
  await page.getByRole('link', { name: site }).click()
  await page.getByRole('heading', { name: 'Nothing was reported yet' }).waitFor()
  await page.getByText(`sluice running report ${site}`).waitFor()
  await settled(page)
  await expectAccessible(page)
  await keepScreen(page, 'site-empty-desk')
  await page.getByRole('button', { name: 'Settings …' }).click()
  await page.getByLabel('Reporters').fill(`robot:${site}`)
  await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click()
  await page.getByRole('dialog').waitFor({ state: 'detached' })

  await report([good.digest, bad.digest, held.digest, strange])
  await page.reload()
  await page.getByText(`by robot:${site}`).waitFor()
  const table = page.getByRole('table', { name: 'What runs here' })
  await table.locator(`code[title="${strange}"]`).waitFor()
  expect(await table.getByRole('row').count()).toBe(5)
  await expectAccessible(page)
  await expectNoSidewaysScroll(page)
  await keepScreen(page, 'site-desk')
  await page.getByRole('link', { name: /^Not known here/ }).click()
  await table.locator(`code[title="${good.digest}"]`).waitFor({ state: 'detached' })
  await table.locator(`code[title="${strange}"]`).waitFor()
  expect(await table.getByRole('row').count()).toBe(2)
  expect(new URL(page.url()).search).toBe('?standing=unknown')
  await page.goBack()
  await table.locator(`code[title="${good.digest}"]`).click()
  const where = page.getByRole('region', { name: 'Where it runs' })
  await where.getByRole('link', { name: site }).waitFor()
  await where.getByText('Runs', { exact: true }).waitFor()
  await settled(page)
  await expectAccessible(page)
  await keepScreen(page, 'digest-runs-desk')
  expect(faults).toEqual([])
  await context.close()
})

test('a recalled digest that still runs is told in the inbox, on the recall and in the site, until it ends', async () => {
  await sam.client.createRecall({ body: { digest: bad.digest, feed, reason: 'CVE-2026-77: use 1.2.0' } })
  const { page, context, faults } = await open(sam, '/?show=wrong', PHONE)
  const runs = page.getByRole('table', { name: 'Recalled, and runs' })
  await runs.getByRole('link', { name: site }).waitFor()
  await runs.getByText('CVE-2026-77: use 1.2.0').waitFor()
  await settled(page)
  await expectAccessible(page)
  await expectNoSidewaysScroll(page)
  await keepScreen(page, 'inbox-recalled-runs-phone')
  await page.goto(`/recalls?find=${bad.digest}`)
  await page.getByText('It still runs').waitFor()
  await page.getByRole('link', { name: site }).click()
  await page.getByRole('table', { name: 'What runs here' }).getByText('Recalled', { exact: true }).waitFor()
  await settled(page)
  await expectAccessible(page)
  await expectNoSidewaysScroll(page)
  await keepScreen(page, 'site-phone')
  await report([good.digest, held.digest, strange])
  await page.goto('/?show=wrong')
  await settled(page)
  expect(await runs.count()).toBe(0)
  await page.goto(`/digests/${bad.digest}`)
  await page.getByRole('region', { name: 'Where it runs' }).getByText('Ended').waitFor()
  expect(faults).toEqual([])
  await context.close()
})

test('who may pull nothing of it is told of no site; a deleted site is gone', async () => {
  const nick = await open(await scene.person('nick', {}), '/running', PHONE)
  await nick.page.getByRole('heading', { name: 'No site reports to you' }).waitFor()
  await settled(nick.page)
  await expectAccessible(nick.page)
  await expectNoSidewaysScroll(nick.page)
  await keepScreen(nick.page, 'sites-empty-phone')
  await nick.page.goto(`/running/${site}`)
  await nick.page.getByRole('heading', { name: 'Not found' }).waitFor()

  const { page, context, faults } = await open(admin, '/running')
  await page.getByRole('link', { name: site }).waitFor()
  await settled(page)
  await expectAccessible(page)
  await expectNoSidewaysScroll(page)
  await keepScreen(page, 'sites-desk')
  await page.getByRole('link', { name: site }).click()
  await page.getByRole('button', { name: 'Settings …' }).click()
  await page.getByRole('button', { name: 'Delete the site' }).click()
  await page.getByRole('heading', { level: 1, name: 'Where it runs' }).waitFor()
  await page.getByRole('link', { name: site }).waitFor({ state: 'detached' })
  expect([...faults, ...nick.faults]).toEqual([])
  await Promise.all([context.close(), nick.context.close()])
})

test('a site of thousands is drawn where it is seen, and scrolled to its end', async () => {
  const many = `many-${scene.mark}`
  await scene.admin.createSite({ body: { name: many, reporters: ['admin'] } })
  const body = Array.from({ length: 3_000 }, (_, at) => ({
    digest: `sha256:${createHash('sha256').update(`${many} ${at}`).digest('hex')}`,
    image: `registry.example/app-${at}:1`,
  }))
  await scene.admin.reportRunning({ params: { site: many }, body })
  const { page, context, faults } = await open(admin, `/running/${many}`)
  const table = page.getByRole('table', { name: 'What runs here' })
  await table.getByRole('row').nth(5).waitFor()
  // In the order of the report's digests, the first of which began first: at the very end.
  const last = body.map(({ digest }) => digest).toSorted()[0]!
  await expect
    .poll(
      async () => {
        await page.mouse.wheel(0, 20_000)
        return table.locator(`code[title="${last}"]`).count()
      },
      { timeout: 60_000 },
    )
    .toBe(1)
  expect(await table.getByRole('row').count()).toBeLessThan(100)
  await scene.admin.deleteSite({ params: { site: many } })
  expect(faults).toEqual([])
  await context.close()
})
