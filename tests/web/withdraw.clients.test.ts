import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { DESK, expectAccessible, keepScreen, openBrowser, PHONE, visitAs } from './browser.ts'
import { makeImage } from './image.ts'
import { openScene, type Person, type Scene } from './scene.ts'

// What was let in is withdrawn, comes back, moves back and goes for ever, through the screens.

const { url, adminPassword } = inject('sluice')
const [good, bad, leak] = [
  makeImage({ layers: ['good '] }),
  makeImage({ layers: ['bad '] }),
  makeImage({ layers: ['leak '] }),
]
let browser: Browser
let scene: Scene
let rita: Person
let anna: Person
let sam: Person
let feed: string
let lane: string
let app: string

beforeAll(async () => {
  browser = await openBrowser()
  scene = await openScene({ url, adminPassword })
  ;({ feed, lane } = await scene.stage())
  rita = await scene.person('rita', { dev: ['pull', 'push'], [feed]: ['pull', 'request'] })
  anna = await scene.person('anna', { dev: ['pull'], [feed]: ['pull', 'approve'] })
  sam = await scene.person('sam', { dev: ['pull'], [feed]: ['pull', 'recall', 'request'] })
  app = `team/app-${scene.mark}`
  for (const [tag, image] of [
    ['1.0.0', good],
    ['1.1.0', bad],
    ['1.2.0', leak],
  ] as const) {
    await scene.push(rita, `dev/${app}`, tag, image)
    await scene.promote(`${app}:${tag}`, rita, anna, { lane, targetTags: [tag, 'stable'] })
  }
})
afterAll(() => browser.close())

const open = (person: Person, path: string, viewport = DESK) => visitAs(browser, url, person, path, viewport)

const pull = async (reference: string): Promise<number> => {
  const authorization = `Basic ${Buffer.from(`${rita.name}:${rita.password}`).toString('base64')}`
  const answer = await fetch(`${url}/v2/${feed}/${app}/manifests/${reference}`, {
    headers: { authorization },
  })
  await answer.arrayBuffer()
  return answer.status
}

test('a recall tells what follows, stands wherever the image is named, and is undone by a request', async () => {
  const { page, context, faults } = await open(sam, `/feeds/${feed}/repositories/${app}`)
  await page.getByRole('button', { name: 'Recall 1.1.0' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByText(`${feed}/${app}, tags 1.1.0`).waitFor()
  expect(await dialog.locator('.whole-digest').innerText()).toBe(bad.digest)
  const recall = dialog.getByRole('button', { name: 'Recall this digest' })
  expect(await recall.isDisabled()).toBe(true)
  await dialog.getByLabel('Why').fill('CVE-2026-1234: use 1.2.0')
  await expectAccessible(page)
  await keepScreen(page, 'recall-dialog-desk')
  await recall.click()
  await dialog.waitFor({ state: 'detached' })
  expect(await pull('1.1.0')).toBe(403)

  const row = page.getByRole('row').filter({ hasText: '1.1.0' })
  await row.getByRole('link', { name: 'Recalled' }).click()
  await page.getByRole('heading', { name: `This is recalled from ${feed}` }).waitFor()
  await page.getByText('It may not be pulled from here since').waitFor()
  await expectAccessible(page)
  await keepScreen(page, 'digest-recalled-desk')

  await page.getByRole('button', { name: 'Restore …' }).click()
  await page.getByRole('dialog').getByLabel('Why').fill('False alarm: the code is not reached')
  await expectAccessible(page)
  await keepScreen(page, 'restore-dialog-desk')
  await page.getByRole('dialog').getByRole('button', { name: 'Ask to restore' }).click()
  await page.getByText('This undoes a recall').waitFor()
  await page.getByText('restore', { exact: true }).waitFor()
  await keepScreen(page, 'request-restore-desk')
  const address = new URL(page.url()).pathname

  const deciding = await open(anna, address)
  await deciding.page.getByRole('button', { name: 'Approve …' }).click()
  await deciding.page.getByRole('button', { name: 'Approve this digest' }).click()
  await page.getByRole('heading', { level: 2, name: 'Restored' }).waitFor()
  expect(await pull('1.1.0')).toBe(200)
  await page.goto(`/digests/${bad.digest}`)
  await page.getByRole('heading', { name: 'It was recalled, and restored' }).waitFor()
  expect([...faults, ...deciding.faults]).toEqual([])
  await Promise.all([context.close(), deciding.context.close()])
})

test('a tag goes back to what it was on, from its own timeline', async () => {
  const { page, context, faults } = await open(sam, `/feeds/${feed}/repositories/${app}?tag=stable`, PHONE)
  const life = page.getByRole('region', { name: 'The life of stable' })
  await life.getByRole('button', { name: 'Go back to this …' }).last().click()
  const dialog = page.getByRole('dialog')
  expect(await dialog.locator('.whole-digest').innerText()).toBe(good.digest)
  await dialog.getByLabel('Why').fill('1.2.0 leaks memory')
  await expectAccessible(page)
  await keepScreen(page, 'rollback-dialog-phone')
  await dialog.getByRole('button', { name: 'Ask to go back' }).click()
  await page.getByText('rollback', { exact: true }).waitFor()
  const id = new URL(page.url()).pathname.split('/').at(-1) ?? ''
  const { digest } = await anna.client.getRequest({ params: { id } })
  await anna.client.decideRequest({ params: { id }, body: { decision: 'approve', digest: digest ?? '' } })
  await page.getByRole('heading', { level: 2, name: 'Moved back' }).waitFor()
  const { items } = await rita.client.listTags({ params: { feed }, query: { repository: app } })
  expect(items.find(({ tag }) => tag === 'stable')?.digest).toBe(good.digest)
  expect(faults).toEqual([])
  await context.close()
})

test('bytes go after a recall and the word of a second person, and leave a tombstone', async () => {
  await sam.client.createRecall({ body: { digest: leak.digest, feed, reason: 'A private key is in it' } })
  const opening = await open(
    { name: 'admin', password: adminPassword, client: scene.admin },
    `/digests/${leak.digest}`,
  )
  await opening.page.getByRole('button', { name: 'Remove its bytes …' }).click()
  const ask = opening.page.getByRole('dialog')
  await ask.getByLabel('Why').fill('private key of the signing service')
  await expectAccessible(opening.page)
  await keepScreen(opening.page, 'purge-dialog-desk')
  await ask.getByRole('button', { name: 'Ask for the purge' }).click()
  await opening.page.getByText('Another person has to confirm it.').waitFor()
  // Whoever asked is not offered the second word.
  expect(await opening.page.getByRole('button', { name: 'Confirm the purge …' }).count()).toBe(0)

  sam = await scene.alone(sam)
  const { page, context, faults } = await open(sam, `/?find=${leak.digest}`)
  await page.getByText('Purge to confirm').waitFor()
  await expectAccessible(page)
  await keepScreen(page, 'inbox-purge-desk')
  await page.getByRole('table', { name: 'Confirmations and reviews' }).getByRole('link').click()
  await page.getByRole('button', { name: 'Confirm the purge …' }).click()
  const confirm = page.getByRole('dialog')
  expect(await confirm.locator('.whole-digest').innerText()).toBe(leak.digest)
  const remove = confirm.getByRole('button', { name: 'Remove for ever' })
  expect(await remove.isDisabled()).toBe(true)
  await confirm.getByRole('checkbox').check()
  await expectAccessible(page)
  await keepScreen(page, 'purge-confirm-desk')
  await remove.click()
  await page.getByRole('heading', { name: 'This was purged' }).waitFor()
  await page.getByText('Gone with it:').waitFor()
  await expectAccessible(page)
  await keepScreen(page, 'digest-purged-desk')
  expect(await pull(leak.digest)).toBe(404)

  await page.goto('/recalls?show=all')
  await page.getByRole('listitem').filter({ hasText: 'A private key is in it' }).getByText('Purged').waitFor()
  await expectAccessible(page)
  await keepScreen(page, 'recalls-desk')
  expect([...faults, ...opening.faults]).toEqual([])
  await Promise.all([context.close(), opening.context.close()])
})
