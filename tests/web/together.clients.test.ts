import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { DESK, expectAccessible, keepScreen, openBrowser, signIn, visit } from './browser.ts'
import { makeImage } from './image.ts'
import { openScene, type Person, type Scene } from './scene.ts'

// What takes several: administrators who agree, the first steps with a second person.

const { url, adminPassword } = inject('sluice')
let browser: Browser
let scene: Scene
let feed: string
let lane: string
let rita: Person
let anna: Person

beforeAll(async () => {
  browser = await openBrowser()
  scene = await openScene({ url, adminPassword })
  ;({ feed, lane } = await scene.stage())
  rita = await scene.person('rita', { dev: ['pull', 'push'], [feed]: ['pull', 'request'] })
  anna = await scene.person('anna', { dev: ['pull'], [feed]: ['pull', 'approve'] })
})
afterAll(() => browser.close())

const open = async (person: Person, path: string, viewport = DESK) => {
  const visited = await visit(browser, url, { viewport })
  await visited.page.goto(path)
  await signIn(visited.page, person)
  return visited
}

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

test('the first steps lead from an empty service to an image that is pulled', async () => {
  // A service that is in use is past its first steps: what a new one would answer stands in until the image is pushed.
  const app = `hello-${scene.mark}`
  const { page, context, faults } = await open(rita, '/')
  await page.getByRole('heading', { level: 1, name: 'Inbox' }).waitFor()
  const none = { items: [], next: null }
  const only = (about: string) => about.includes(app)
  await page.route('**/api/v1/feeds/dev/repositories?**', async (route) => {
    const answer = await rita.client
      .listTags({ params: { feed: 'dev' }, query: { repository: app } })
      .catch(() => none)
    const found = answer.items.length > 0 ? [{ name: app, createdAt: new Date().toISOString() }] : []
    await route.fulfill({ json: { items: found, next: null } })
  })
  for (const list of ['requests', 'promotions']) {
    await page.route(`**/api/v1/${list}?**`, async (route) => {
      const answer = await route.fetch()
      const { items }: { items: unknown[] } = await answer.json()
      await route.fulfill({ json: { items: items.filter((item) => only(JSON.stringify(item))), next: null } })
    })
  }
  await page.route('**/api/v1/lanes?**', async (route) => {
    const answer = await route.fetch()
    const { items }: { items: { name: string }[] } = await answer.json()
    await route.fulfill({ json: { items: items.filter(({ name }) => name === lane), next: null } })
  })
  await page.goto('/guide')
  await page.getByRole('heading', { name: 'Push an image to dev' }).waitFor()
  await page.getByText(`docker push ${new URL(url).host}/dev/hello:1.0.0`).waitFor()
  await expectAccessible(page)
  await keepScreen(page, 'guide-begin-desk')
  const image = makeImage({ layers: [`hello ${scene.mark} `] })
  await scene.push(rita, `dev/${app}`, '1.0.0', image)
  await page.getByRole('button', { name: `Promote ${app}:1.0.0 …` }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Ask', exact: true }).click()
  await page.getByRole('heading', { level: 1, name: `${app}:1.0.0` }).waitFor()
  const id = new URL(page.url()).pathname.split('/').at(-1) ?? ''
  await page.goto('/guide')
  await page.getByText('Sign in as the second person').waitFor()
  await anna.client.decideRequest({ params: { id }, body: { decision: 'approve', digest: image.digest } })
  await page.getByText('That is the whole way').waitFor()
  await page.getByText(`docker pull ${new URL(url).host}/${feed}/${app}:1.0.0`, { exact: true }).waitFor()
  await expectAccessible(page)
  await keepScreen(page, 'guide-end-desk')
  expect(faults).toEqual([])
  await context.close()
})
