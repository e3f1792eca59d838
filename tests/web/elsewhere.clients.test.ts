import { type RunningRegistry, startRegistry } from '@sluice/testkit'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { expectAccessible, keepScreen, openBrowser, settled, signIn, visit } from './browser.ts'
import { makeImage, pushImage } from './image.ts'
import { openScene, type Person, type Scene } from './scene.ts'

// A trusted feed in a registry of another maker: promoted into, pulled from there, and changed behind our back.

const { url, adminPassword } = inject('sluice')
let browser: Browser
let registry: RunningRegistry
let scene: Scene
let rita: Person
let anna: Person
let feed: string
let lane: string
let app: string
let request: string
const mine = makeImage({ layers: ['promoted elsewhere '] })
const theirs = makeImage({ layers: ['pushed by hand '] })

beforeAll(async () => {
  browser = await openBrowser()
  registry = await startRegistry('docker-registry')
  scene = await openScene({ url, adminPassword })
  feed = `far-${scene.mark}`
  app = `team/app-${scene.mark}`
  await scene.admin.createFeed({
    body: {
      name: feed,
      kind: 'remote',
      stage: 'prod',
      trusted: true,
      remote: { url: registry.url, prefix: 'ours', plainHttp: 'loopback', privateHosts: ['127.0.0.1'] },
    },
  })
  lane = await scene.lane({ name: `to-far-${scene.mark}`, from: 'dev', to: feed })
  rita = await scene.person('rita', { dev: ['pull', 'push'], [feed]: ['pull', 'request'] })
  anna = await scene.person('anna', { dev: ['pull'], [feed]: ['pull', 'approve'] })
  await scene.push(rita, `dev/${app}`, '2.4.0', mine)
  request = await scene.promote(`${app}:2.4.0`, rita, anna, { lane })
})
afterAll(async () => {
  await browser.close()
  await registry.stop()
})

test('wherever it is shown, it is pulled from its own registry', async () => {
  const { host } = new URL(registry.url)
  const by = (reference: string) => `docker pull ${host}/ours/${app}${reference}`
  const { page, context, faults } = await visit(browser, url)
  await context.grantPermissions(['clipboard-read', 'clipboard-write'])
  await page.goto(`/requests/${request}`)
  await signIn(page, rita)
  await page.getByText(by(':2.4.0'), { exact: true }).waitFor()
  await page.getByText(by(`@${mine.digest}`), { exact: true }).waitFor()
  await settled(page)
  await keepScreen(page, 'request-far-desk')
  await page.goto(`/digests/${mine.digest}`)
  await page.getByText(by(`@${mine.digest}`), { exact: true }).waitFor()
  await page
    .getByText(`docker pull ${new URL(url).host}/dev/${app}@${mine.digest}`, { exact: true })
    .waitFor()
  await page.goto(`/feeds/${feed}/repositories/${app}`)
  const row = page.getByRole('row').filter({ hasText: '2.4.0' })
  await row.getByRole('button', { name: 'Copy pull command' }).click()
  await row.getByText('pull command copied').waitFor()
  expect(await page.evaluate('navigator.clipboard.readText()')).toBe(by(':2.4.0'))
  expect(faults).toEqual([])
  await context.close()
})

test('a tag that was moved there is in the inbox until somebody says what becomes of it', async () => {
  const admin = { name: 'admin', password: adminPassword }
  const { page, context, faults } = await visit(browser, url)
  await page.goto(`/?find=${feed}`)
  await signIn(page, admin)
  await page.getByRole('heading', { level: 1, name: 'Inbox' }).waitFor()
  // By hand, and the registry tells of it.
  await pushImage(registry.url, '', `ours/${app}`, '2.4.0', theirs)
  const key = await scene.admin.getNotificationKey({ params: { feed } })
  const told = await fetch(key.url, {
    method: 'POST',
    headers: { authorization: key.authorization, 'content-type': 'application/json' },
    body: JSON.stringify({ events: [{ target: { repository: `ours/${app}`, tag: '2.4.0' } }] }),
  })
  expect(told.status).toBe(202)
  await page.getByText('Tag changed elsewhere').waitFor()
  await keepScreen(page, 'inbox-alert-desk')
  await page.getByRole('link', { name: `${feed}/${app}:2.4.0` }).click()
  const row = page.getByRole('table', { name: 'Tags changed elsewhere' }).getByRole('row').last()
  await row.getByText('was moved there, by another way than a promotion').waitFor()
  await expectAccessible(page)
  await keepScreen(page, 'alerts-desk')
  await row.getByRole('button', { name: `Resolve 2.4.0 of ${app}` }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByText(mine.digest).waitFor()
  await dialog.getByText(theirs.digest).waitFor()
  expect(await dialog.getByRole('radio').count()).toBe(2)
  // That it was put right is not believed: the registry is looked at.
  await dialog.getByLabel('It is put right').check()
  await dialog.getByLabel('What you found').fill('A hotfix of the on-call, INC-78')
  await dialog.getByRole('button', { name: 'Resolve' }).click()
  await dialog.getByRole('alert').waitFor()
  await expectAccessible(page)
  await keepScreen(page, 'alert-dialog-desk')
  await dialog.getByLabel('It stays as it is there').check()
  await dialog.getByRole('button', { name: 'Resolve' }).click()
  await page.getByRole('table', { name: 'Tags changed elsewhere' }).waitFor({ state: 'detached' })
  const { items } = await scene.admin.listAlerts({ query: { state: 'resolved', feed } })
  expect(items).toMatchObject([
    {
      repository: app,
      tag: '2.4.0',
      expected: mine.digest,
      seen: theirs.digest,
      resolved: { by: 'admin', resolution: 'accepted', comment: 'A hotfix of the on-call, INC-78' },
    },
  ])
  expect(faults).toEqual([])
  await context.close()
})
