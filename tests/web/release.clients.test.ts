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

// Several images that go together: asked for by one, looked at by another, decided on once by a third.

const { url, adminPassword } = inject('sluice')
const NAMES = ['api', 'web', 'worker'] as const
let browser: Browser
let scene: Scene
let feed: string
let lane: string
let rita: Person
let anna: Person
let dora: Person
let parts: { name: string; image: ReturnType<typeof makeImage> }[]

beforeAll(async () => {
  browser = await openBrowser()
  scene = await openScene({ url, adminPassword })
  ;({ feed, lane } = await scene.stage())
  rita = await scene.person('rita', { dev: ['pull', 'push'], [feed]: ['pull', 'request'] })
  anna = await scene.person('anna', { dev: ['pull'], [feed]: ['pull', 'approve'] })
  dora = await scene.person('dora', { dev: ['pull'], [feed]: ['pull'] })
  const older = makeImage({ layers: [`older ${scene.mark} `] })
  parts = NAMES.map((part) => ({
    name: `team/${part}-${scene.mark}`,
    image: makeImage({ layers: [`${part} ${scene.mark} `], env: [`PART=${part}`] }),
  }))
  for (const { name, image } of parts) await scene.push(rita, `dev/${name}`, '3.0.0', image)
  const first = parts[0]?.name ?? ''
  await scene.push(rita, `dev/${first}`, '2.0.0', older)
  await scene.promote(`${first}:2.0.0`, rita, anna, { lane, targetTags: ['2.0.0', 'stable'] })
})
afterAll(() => browser.close())

const open = (person: Person, path: string, viewport = DESK) => visitAs(browser, url, person, path, viewport)

test('a release set is put together, tried, asked for, decided on once, and lands as a whole', async () => {
  const [api, web, worker] = parts.map(({ name }) => name)
  // A link of CI names what it built; the rest is added here.
  const prefilled = new URLSearchParams([
    ['lane', lane],
    ['image', `${api}:3.0.0 3.0.0 stable`],
    ['image', `${web}:3.0.0`],
    ['reason', 'Release 3.0.0'],
  ])
  const asking = await open(rita, `/requests/new?${prefilled.toString()}`)
  const { page } = asking
  const images = page.getByRole('list', { name: 'Images' })
  await images.getByText(`${web}:3.0.0`).waitFor()
  expect(await page.getByLabel('Lane').inputValue()).toBe(lane)
  expect(await page.getByLabel('Why').inputValue()).toBe('Release 3.0.0')
  const add = page.getByRole('form', { name: 'Add an image' })
  const repository = add.getByLabel('Repository in dev')
  await repository.fill(`worker-${scene.mark}`)
  // Names are offered by a part of them.
  await add.locator(`datalist option[value="${worker}"]`).waitFor({ state: 'attached' })
  await repository.fill(worker ?? '')
  await add.locator('datalist option[value="3.0.0"]').waitFor({ state: 'attached' })
  await add.getByLabel('Tag or digest').fill('9.9.9')
  await page.keyboard.press('Enter')
  await images.getByText(`${worker}:9.9.9`).waitFor()
  expect(await repository.evaluate((node) => node === node.ownerDocument.activeElement)).toBe(true)
  await page.getByRole('button', { name: 'Try the gates' }).click()
  await images.getByText(`dev/${worker} has no tag 9.9.9`).waitFor()
  await expectAccessible(page)
  await keepScreen(page, 'release-mistake-desk')
  await images.getByRole('button', { name: `Leave out ${worker}:9.9.9` }).click()
  await repository.fill(worker ?? '')
  await add.getByLabel('Tag or digest').fill('3.0.0')
  await add.getByRole('button', { name: 'Add' }).click()
  await page.getByRole('button', { name: 'Try the gates' }).click()
  await page.getByText('Requester excluded').waitFor()
  // What it is and what it moves is known before it is asked for.
  await images.getByText(/^moves stable from/).waitFor()
  expect(await images.locator('.digest code').evaluateAll((all) => all.map((one) => one.title))).toEqual(
    parts.map(({ image }) => image.digest),
  )
  // It is all in the address: a reload loses nothing.
  await page.reload()
  await images.getByText(`${worker}:3.0.0`).waitFor()
  expect(await images.getByRole('listitem').count()).toBe(3)
  expect(await page.getByLabel(`Tags of ${api}:3.0.0 in ${feed}`).inputValue()).toBe('3.0.0 stable')
  await page.getByRole('button', { name: 'Try the gates' }).click()
  await page.getByText('Requester excluded').waitFor()
  await settled(page)
  await expectAccessible(page)
  await keepScreen(page, 'release-desk')
  await page.setViewportSize(PHONE)
  await expectNoSidewaysScroll(page)
  await keepScreen(page, 'release-phone')
  await page.setViewportSize(DESK)
  await page.getByRole('button', { name: 'Ask for all 3' }).click()
  await page.getByRole('region', { name: 'Release set of 3' }).waitFor()
  const address = new URL(page.url()).pathname
  const { setDigest } = await rita.client.getRequest({ params: { id: address.split('/').at(-1) ?? '' } })

  const looking = await open(dora, address)
  await looking.page.getByText(`To decide, you need the grant approve on ${feed}.`).waitFor()

  const deciding = await open(anna, `/?find=${api}`, PHONE)
  const phone = deciding.page
  await phone.getByRole('link', { name: `${api}:3.0.0 and 2 more` }).click()
  const set = phone.getByRole('region', { name: 'Release set of 3' })
  await set.waitFor()
  expect(await set.getByRole('listitem').count()).toBe(3)
  expect(await set.locator('.digest code').evaluateAll((all) => all.map((one) => one.title))).toEqual(
    parts.map(({ image }) => image.digest),
  )
  // Each image of it is looked into by itself.
  for (const [position, { name }] of parts.entries()) {
    await set
      .getByRole('link', { name: `${name}:3.0.0` })
      .first()
      .click()
    const changes = phone.getByRole('region', { name: `What changes in ${feed}` })
    await changes.getByText('PART').waitFor()
    await changes
      .getByText(NAMES[position] ?? '', { exact: true })
      .first()
      .waitFor()
  }
  await settled(phone)
  await expectAccessible(phone)
  await expectNoSidewaysScroll(phone)
  await keepScreen(phone, 'request-set-phone')
  await phone.getByRole('button', { name: 'Approve …' }).click()
  const dialog = phone.getByRole('dialog')
  expect(await dialog.locator('.whole-digest').innerText()).toBe(setDigest)
  expect(await dialog.getByRole('listitem').count()).toBe(3)
  await expectAccessible(phone)
  await keepScreen(phone, 'decision-set-phone')
  await dialog.getByRole('button', { name: 'Approve this digest' }).click()

  // Nobody reloads: each page hears of it, and tells of each image.
  for (const watching of [deciding, asking, looking]) {
    await watching.page.getByRole('heading', { level: 2, name: 'Promoted' }).waitFor()
    for (const { name } of parts) {
      const copied = watching.page.getByRole('progressbar', { name: `Copied of ${name}:3.0.0` })
      await copied.waitFor()
      expect(await copied.getAttribute('aria-valuenow')).toBe('100')
      await watching.page
        .getByText(`docker pull ${new URL(url).host}/${feed}/${name}:3.0.0`, { exact: true })
        .waitFor()
    }
    expect(watching.faults).toEqual([])
  }
  await expectAccessible(looking.page)
  await keepScreen(looking.page, 'request-set-promoted-desk')
  for (const { name, image } of parts) {
    const { items } = await rita.client.listTags({ params: { feed }, query: { repository: name } })
    expect(items.find(({ tag }) => tag === '3.0.0')?.digest).toBe(image.digest)
  }
  const { items } = await rita.client.listTags({ params: { feed }, query: { repository: api ?? '' } })
  expect(items.find(({ tag }) => tag === 'stable')?.digest).toBe(parts[0]?.image.digest)
  for (const { context } of [deciding, asking, looking]) await context.close()
})

test('what stands against one image is said at that image', async () => {
  const [, second] = parts
  await scene.push(rita, `dev/${second?.name}`, '3.1.0', makeImage({ layers: [`next ${scene.mark} `] }))
  const soaking = await scene.lane({
    name: `soak-${scene.mark}`,
    from: 'dev',
    to: feed,
    policy: { gates: { quorum: [{ count: 1 }], soak: { minutes: 600 } } },
  })
  const link = new URLSearchParams({ lane: soaking, image: `${second?.name}:3.1.0` })
  const { page, context, faults } = await open(rita, `/requests/new?${link.toString()}`)
  await page.getByRole('button', { name: 'Try the gates' }).click()
  await page.getByRole('list', { name: 'Images' }).getByText('waits for time in the from feed').waitFor()
  await expectAccessible(page)
  expect(faults).toEqual([])
  await context.close()
})

test('who may ask for nothing is told so', async () => {
  const { page, context } = await open(dora, '/requests/new')
  await page.getByRole('heading', { name: 'No lane is open to you' }).waitFor()
  await expectAccessible(page)
  await context.close()
})
