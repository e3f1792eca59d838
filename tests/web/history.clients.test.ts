import fs from 'node:fs'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { openBrowser, settled, visitAs } from './browser.ts'
import { makeImage } from './image.ts'
import { openScene, type Person, type Scene } from './scene.ts'

// What moved, who moved it, what it was before: searched, travelled through and taken away as a file.

const { url, adminPassword } = inject('sluice')
let browser: Browser
let scene: Scene
let rita: Person
let anna: Person
let repository: string
const [first, second] = [makeImage({ layers: ['first'] }), makeImage({ layers: ['second'] })]

beforeAll(async () => {
  browser = await openBrowser()
  scene = await openScene({ url, adminPassword })
  rita = await scene.requester()
  anna = await scene.approver()
  repository = `history/app-${scene.mark}`
  await scene.push(rita, `dev/${repository}`, '1.0.0', first)
  await scene.push(rita, `dev/${repository}`, 'edge', first)
  await scene.push(rita, `dev/${repository}`, 'edge', second)
  await scene.promote(`${repository}:1.0.0`, rita, anna)
})
afterAll(() => browser.close())

const open = async (path: string) => {
  const visited = await visitAs(browser, url, anna, path)
  await visited.page.locator('main h1').waitFor()
  return visited
}

const rows = (page: Page) => page.getByRole('table', { name: 'Tag moves' }).locator('.tbody [role=row]')

async function download(page: Page, button: string): Promise<string> {
  const saved = page.waitForEvent('download')
  await page.getByRole('button', { name: button }).click()
  return fs.readFileSync(await (await saved).path(), 'utf8')
}

test('every move is found by what is known of it, and the address keeps the search', async () => {
  const { page, context, faults } = await open('/history/tags')
  await page.getByLabel('Repository').fill(repository)
  await page.getByRole('button', { name: 'Show', exact: true }).click()
  await page.waitForURL(/repository=/)
  await expect.poll(() => rows(page).count()).toBe(4)
  await page.getByLabel('Person').fill(anna.name)
  await page.getByRole('button', { name: 'Show', exact: true }).click()
  await expect.poll(() => rows(page).count()).toBe(1)
  expect(await rows(page).innerText()).toContain(`trusted/${repository}:1.0.0`)
  expect(await rows(page).innerText()).toContain(`${rita.name}, approved by ${anna.name}`)
  await page.goBack()
  await expect.poll(() => rows(page).count()).toBe(4)
  expect(await page.getByLabel('Person').inputValue()).toBe('')
  // A version is kept as text: 1.0 in an address is no number.
  await page.getByLabel('Tag', { exact: true }).fill('1.0.0')
  await page.getByRole('button', { name: 'Show', exact: true }).click()
  await expect.poll(() => rows(page).count()).toBe(2)
  await page.reload()
  await expect.poll(() => rows(page).count()).toBe(2)
  expect(await page.getByLabel('Tag', { exact: true }).inputValue()).toBe('1.0.0')
  await page.getByRole('button', { name: 'All', exact: true }).click()
  await page.waitForURL(/\/history\/tags$/)
  expect(faults).toEqual([])
  await context.close()
})

test('a digest that is none is told where it was asked for, and another search goes on', async () => {
  const { page, context } = await open('/history/tags?digest=sha256:12')
  await page.getByText('a digest is sha256: and 64').waitFor()
  await page.getByLabel('Digest').fill(second.digest)
  await page.getByRole('button', { name: 'Show', exact: true }).click()
  await expect.poll(() => rows(page).count()).toBe(1)
  await context.close()
})

test('what a tag was at any moment', async () => {
  const { items } = await anna.client.listTagMoves({
    query: { feed: 'dev', repository, tag: 'edge' },
  })
  const [moved] = items
  // Of the viewer's zone, as the field takes it: just before the second push.
  const before = new Date(Date.parse(moved?.at ?? '') - 1)
  const local = new Date(before.getTime() - before.getTimezoneOffset() * 60_000).toISOString().slice(0, 23)
  const where = `/history/tags?feed=dev&repository=${encodeURIComponent(repository)}&tag=edge`
  const { page, context, faults } = await open(`${where}&at=${local}`)
  const then = page.getByRole('region', { name: 'What edge was then' })
  await then.getByText(first.digest).waitFor()
  await then.getByLabel('At').fill('2020-01-01T00:00:00')
  await then.getByText('It was not there.').waitFor()
  expect(new URL(page.url()).searchParams.get('at')).toMatch(/^2020-01-01T00:00/)
  await then.getByLabel('At').fill('2040-01-01T00:00:00')
  await then.getByText(second.digest).waitFor()
  expect(faults).toEqual([])
  await context.close()
})

test('a moment that the browser writes shorter is left for another one', async () => {
  const where = `/history/tags?feed=dev&repository=${encodeURIComponent(repository)}&tag=edge`
  // Chromium's field says .12 of it.
  const { page, context } = await open(`${where}&at=2040-01-01T00:00:00.120`)
  const then = page.getByRole('region', { name: 'What edge was then' })
  await then.getByText(second.digest).waitFor()
  await then.getByLabel('At').fill('2020-01-01T00:00:00')
  await then.getByText('It was not there.').waitFor()
  await context.close()
})

test('both lists are taken away as CSV and NDJSON, the rows that the filters leave', async () => {
  const filter = `repository=${encodeURIComponent(repository)}`
  const { page, context, faults } = await open(`/history/tags?${filter}`)
  await expect.poll(() => rows(page).count()).toBe(4)
  const moves = (await download(page, 'Export CSV')).trim().split('\r\n')
  expect(moves).toHaveLength(5)
  expect(moves[0]).toMatch(/^at,feed,repository,tag,from,to,by,/)
  expect(moves.filter((line) => line.includes(`dev,${repository},edge,`))).toHaveLength(2)
  const lines = (await download(page, 'Export NDJSON')).trim().split('\n')
  expect(lines.map((line) => JSON.parse(line).repository)).toEqual(Array(4).fill(repository))

  await page.goto(`/history?${filter}&actor=${anna.name}`)
  await settled(page)
  const promotions = (await download(page, 'Export CSV')).trim().split('\r\n')
  expect(promotions).toHaveLength(2)
  expect(promotions[1]).toContain(`trusted/${repository}:1.0.0`)
  expect((await download(page, 'Export NDJSON')).trim().split('\n')).toHaveLength(1)
  expect(faults).toEqual([])
  await context.close()
})

test('charts are figures too, in the weeks of the viewer', async () => {
  const { page, context, faults } = await open('/history/charts?feed=trusted')
  const figures = page.getByRole('region', { name: 'The weeks in figures' })
  await figures.getByRole('row').nth(1).waitFor()
  expect(await figures.getByRole('row').count()).toBe(13)
  const promoted = await figures.getByRole('row').nth(1).getByRole('cell').first().innerText()
  expect(Number(promoted)).toBeGreaterThan(0)
  expect(faults).toEqual([])
  await context.close()
})
