import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import {
  DESK,
  expectAccessible,
  expectNoSidewaysScroll,
  keepScreen,
  openBrowser,
  PHONE,
  visitAs,
} from './browser.ts'
import { makeImage } from './image.ts'
import { openScene, type Person, type Scene } from './scene.ts'

// A feed in another registry, which here is the feed `dev` of this very service.

const { url, adminPassword } = inject('sluice')
const { hostname } = new URL(url)
let browser: Browser
let scene: Scene
let admin: Person
let robot: Person
let feed: string

beforeAll(async () => {
  browser = await openBrowser()
  scene = await openScene({ url, adminPassword })
  admin = { name: 'admin', password: adminPassword, client: scene.admin }
  robot = await scene.person('robot', { dev: ['pull', 'push'] })
  feed = `elsewhere-${scene.mark}`
  await scene.push(robot, `dev/remote-${scene.mark}`, '1.0.0', makeImage({ layers: ['remote '] }))
})
afterAll(() => browser.close())

const open = (path: string, viewport = DESK) => visitAs(browser, url, admin, path, viewport)

test('a proxy feed is made, tells of what it is a proxy, and what it keeps', async () => {
  const name = `hub-${scene.mark}`
  const { page, context, faults } = await open('/admin/feeds')
  await page.getByRole('button', { name: 'New feed …' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Its images are').selectOption('proxy')
  expect(await dialog.getByLabel(/^Trusted:/).count()).toBe(0)
  await dialog.getByLabel('Name', { exact: true }).fill(name)
  await dialog.getByLabel('Stage').fill('hub')
  await dialog.getByLabel('Days without a pull').fill('14')
  await dialog.getByLabel('Registry').fill(url)
  await dialog.getByLabel('Prefix').fill('dev')
  await dialog.getByLabel('User name there').fill(robot.name)
  await dialog.getByLabel('Password there').fill(robot.password)
  await dialog.getByText('Certificates, proxy, other hosts, bandwidth').click()
  await dialog.getByLabel('Hosts inside the network').fill(hostname)
  await expectAccessible(page)
  await keepScreen(page, 'proxy-new-desk')
  await dialog.getByRole('button', { name: 'Make the feed' }).click()
  await page.getByRole('heading', { level: 1, name }).waitFor()

  const cache = page.getByRole('region', { name: 'Cache' })
  await cache.getByText(`Proxy of ${new URL(url).host}/dev, not asked yet`).waitFor()
  await cache.getByLabel('Days without a pull').fill('20')
  await cache.getByRole('button', { name: 'Save the cache' }).click()
  await expect
    .poll(async () => (await scene.admin.getFeed({ params: { feed: name } })).cache?.keepDays)
    .toBe(20)
  const repository = `remote-${scene.mark}`
  const pulled = await fetch(`${url}/v2/${name}/${repository}/manifests/1.0.0`, {
    headers: { authorization: `Basic ${btoa(`admin:${adminPassword}`)}` },
  })
  expect(pulled.status).toBe(200)
  await expectAccessible(page)
  await keepScreen(page, 'proxy-feed-desk')

  await page.goto(`/feeds/${name}`)
  await page.getByText(/^Proxy of .*, last reached/).waitFor()
  await page.getByRole('link', { name: repository }).waitFor()
  await expectAccessible(page)
  await keepScreen(page, 'proxy-images-desk')
  expect(faults).toEqual([])
  await context.close()
})

test('a remote feed is made, its connection tested in words, and its password never read back', async () => {
  const { page, context, faults } = await open('/admin/feeds')
  await page.getByRole('button', { name: 'New feed …' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Its images are').selectOption('remote')
  await dialog.getByLabel('Name', { exact: true }).fill(feed)
  await dialog.getByLabel('Stage').fill('prod')
  await dialog.getByLabel(/^Trusted:/).check()
  await dialog.getByLabel('Registry').fill(url)
  await dialog.getByLabel('Prefix').fill('dev')
  await dialog.getByLabel('User name there').fill(robot.name)
  await dialog.getByLabel('Password there').fill('not the password')
  await dialog.getByText('Certificates, proxy, other hosts, bandwidth').click()
  await dialog.getByLabel('Hosts inside the network').fill(hostname)
  await expectAccessible(page)
  await keepScreen(page, 'remote-new-desk')
  await dialog.getByRole('button', { name: 'Make the feed' }).click()
  await page.getByRole('heading', { level: 1, name: feed }).waitFor()

  const connection = page.getByRole('region', { name: 'Connection' })
  const registry = page.getByRole('region', { name: 'Registry' })
  await connection.getByRole('button', { name: 'Test the connection' }).click()
  await connection.getByText('Does not work').waitFor()
  await expectAccessible(page)
  await keepScreen(page, 'remote-refused-desk')

  // Only that it is set is known: it is replaced, never shown.
  await registry.getByText(`As set: ${robot.name}, password not shown`).waitFor({ state: 'attached' })
  expect(await page.locator('input[type=password]').count()).toBe(0)
  await registry.getByLabel('Sign-in').selectOption('basic')
  await registry.getByLabel('User name there').fill(robot.name)
  await registry.getByLabel('Password there').fill(robot.password)
  await registry.getByRole('button', { name: 'Save the registry' }).click()
  await registry.getByText('Test the connection to see that it works.').waitFor()
  expect(await page.locator('input[type=password]').count()).toBe(0)
  expect(await page.content()).not.toContain(robot.password)

  await connection.getByLabel('Repository').fill(`remote-${scene.mark}`)
  await connection.getByRole('button', { name: 'Test the connection' }).click()
  await connection.getByText('Works', { exact: true }).waitFor()
  await connection.getByText(`the tags of dev/remote-${scene.mark} may be read`).waitFor()
  await expectAccessible(page)
  await keepScreen(page, 'remote-connected-desk')

  // Where the password goes is not changed without it.
  await registry.getByLabel('Registry').fill('https://registry.example')
  await registry.getByRole('button', { name: 'Save the registry' }).click()
  await registry.locator('.wrong').waitFor()
  expect((await scene.admin.getFeed({ params: { feed } })).remote).toMatchObject({
    url,
    credentials: { type: 'basic', username: robot.name, set: true },
  })
  await page.setViewportSize(PHONE)
  await expectNoSidewaysScroll(page)
  await expectAccessible(page)
  await keepScreen(page, 'remote-phone')
  expect(faults).toEqual([])
  await context.close()
})
