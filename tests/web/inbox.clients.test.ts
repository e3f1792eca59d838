import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { expectAccessible, keepScreen, openBrowser, settled, signIn, visit } from './browser.ts'
import { makeImage } from './image.ts'
import { openScene, type Person, type Scene } from './scene.ts'

// What is looked for is found among all there is, and not only among what is on the screen; so is what stands where.

const { url, adminPassword } = inject('sluice')
/** More than the first page of a list. */
const MANY = 62
let browser: Browser
let scene: Scene
let rita: Person
let app: string

beforeAll(async () => {
  browser = await openBrowser()
  scene = await openScene({ url, adminPassword })
  rita = await scene.requester()
  app = `inbox/app-${scene.mark}`
  const image = makeImage({ layers: [`inbox ${scene.mark} `] })
  for (let at = 0; at < MANY; at++) {
    const tag = `0.1.${at}`
    await scene.push(rita, `dev/${app}`, tag, image)
    await rita.client.createRequest({ body: { lane: 'dev-to-trusted', image: `${app}:${tag}` } })
  }
})
afterAll(() => browser.close())

test('a request is found by image, tag, digest or person, wherever it is in the list', async () => {
  const { page, context, faults } = await visit(browser, url)
  await page.goto('/?show=mine')
  await signIn(page, rita)
  await page.getByRole('link', { name: `${app}:0.1.61` }).waitFor()
  const oldest = page.getByRole('link', { name: `${app}:0.1.0`, exact: true })
  const find = page.getByLabel('Find')
  await find.fill(`${scene.mark}:0.1.0`)
  await oldest.waitFor()
  await page.getByRole('link', { name: `${app}:0.1.61` }).waitFor({ state: 'detached' })
  await page.waitForURL((at) => at.searchParams.get('find') === `${scene.mark}:0.1.0`)
  await keepScreen(page, 'inbox-found-desk')
  await page.reload()
  await oldest.waitFor()
  expect(await find.inputValue()).toBe(`${scene.mark}:0.1.0`)
  for (const looked of [`${app}:0.1.0`, '0.1.0']) {
    await page.getByRole('link', { name: 'All', exact: true }).click()
    await find.fill(looked)
    await oldest.waitFor()
  }
  await find.fill(rita.name)
  await page.getByRole('link', { name: `${app}:0.1.61` }).waitFor()
  await find.fill('nothing-of-this-name')
  await page.getByRole('heading', { name: 'Nothing matches the filters' }).waitFor()
  await expectAccessible(page)
  await page.goBack()
  expect(faults).toEqual([])
  await context.close()
})

test('what stands where is one call for a page of repositories, and asks for what is behind', async () => {
  const { feed, lane } = await scene.stage()
  const asker = await scene.person('ask', { dev: ['pull', 'push'], [feed]: ['pull', 'request'] })
  const anna = await scene.person('appr', { dev: ['pull'], [feed]: ['pull', 'approve'] })
  const names = ['one', 'two'].map((part) => `stage/${part}-${scene.mark}`)
  for (const name of names) {
    for (const tag of ['1.9.0', '1.10.0'])
      await scene.push(asker, `dev/${name}`, tag, makeImage({ layers: [`${name} ${tag} `] }))
    await scene.promote(`${name}:1.9.0`, asker, anna, { lane })
  }
  const { page, context, faults } = await visit(browser, url)
  const asked: string[] = []
  page.on('request', (request) => {
    if (/\/(stages|tags|tag-moves|repositories)\b/.test(request.url()) && request.url().includes('/api/'))
      asked.push(new URL(request.url()).pathname)
  })
  await page.goto(`/stages?find=${scene.mark}`)
  await signIn(page, asker)
  const row = page.getByRole('row').filter({ hasText: `one-${scene.mark}` })
  await row.getByRole('link', { name: '1.10.0' }).waitFor()
  await row.getByRole('link', { name: '1.9.0' }).waitFor()
  await row.getByText('behind dev').waitFor()
  expect(new Set(asked)).toEqual(new Set(['/api/v1/stages']))
  await settled(page)
  await expectAccessible(page)
  await keepScreen(page, 'stages-behind-desk')
  await page.getByRole('link', { name: `Ask for 2 behind in ${feed} …` }).click()
  const images = page.getByRole('list', { name: 'Images' })
  for (const name of names) await images.getByText(`${name}:1.10.0`).waitFor()
  expect(await page.getByLabel('Lane').inputValue()).toBe(lane)
  expect(faults).toEqual([])
  await context.close()
})
