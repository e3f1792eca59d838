import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import {
  DESK,
  expectAccessible,
  keepScreen,
  openBrowser,
  PHONE,
  settled,
  signIn,
  visit,
  visitAs,
} from './browser.ts'
import { makeImage } from './image.ts'
import { after, before, openScene, type Person, type Scene } from './scene.ts'

// The whole way of one image through the screens, by people who each have a browser of their own.

const { url, adminPassword } = inject('sluice')
let browser: Browser
let scene: Scene
let rita: Person
let anna: Person
let dora: Person
let repository: string

beforeAll(async () => {
  browser = await openBrowser()
  scene = await openScene({ url, adminPassword })
  rita = await scene.requester()
  anna = await scene.approver()
  dora = await scene.person('dora', { dev: ['pull'], trusted: ['pull'] })
  repository = `team/app-${scene.mark}`
  await scene.push(rita, `dev/${repository}`, '1.4.1', before)
  await scene.promote(`${repository}:1.4.1`, rita, anna)
  await scene.push(rita, `dev/${repository}`, '1.4.2', after)
  await scene.describe(rita)
})
afterAll(() => browser.close())

const open = (person: Person, path: string, viewport = DESK) => visitAs(browser, url, person, path, viewport)

test('asked by one, seen by another, approved by a third, and watched by all', async () => {
  const asking = await open(rita, `/feeds/dev/repositories/${repository}`)
  await asking.page.getByRole('button', { name: 'Promote 1.4.2' }).click()
  const dialog = asking.page.getByRole('dialog')
  await dialog.getByRole('button', { name: 'Try the gates' }).click()
  await dialog.getByText('Requester excluded').waitFor()
  await dialog.getByLabel('Why').fill('Fixes the login loop')
  await expectAccessible(asking.page)
  await dialog.getByRole('button', { name: 'Ask' }).click()
  await asking.page.getByRole('heading', { level: 1, name: `${repository}:1.4.2` }).waitFor()
  await asking.page.getByText('You asked for this; somebody else decides.').waitFor()
  expect(await asking.page.getByRole('button', { name: 'Approve …' }).count()).toBe(0)
  const address = new URL(asking.page.url()).pathname

  // A deep link of somebody who is not signed in leads there after the sign-in.
  const looking = await open(dora, address)
  await looking.page.getByText('To decide, you need the grant approve on trusted.').waitFor()
  expect(new URL(looking.page.url()).pathname).toBe(address)

  const deciding = await open(anna, '/')
  const { page } = deciding
  await page.getByRole('link', { name: `${repository}:1.4.2` }).click()
  const changes = page.getByRole('region', { name: 'What changes in trusted' })
  await changes.getByText('LOG_LEVEL').waitFor()
  expect(await changes.getByLabel('Compared with').inputValue()).toBe('1.4.1')
  expect(
    await changes
      .locator('.layers > li')
      .evaluateAll((rows) => rows.map((row) => row.getAttribute('data-change'))),
  ).toEqual(['shared', 'shared', 'added', 'removed'])
  expect(await changes.locator('del').allInnerTexts()).toContainEqual(expect.stringContaining('debug'))
  expect(await changes.locator('ins').allInnerTexts()).toContainEqual(
    expect.stringContaining('serve --port 8080'),
  )
  await changes.getByText('1 new').locator('xpath=..').getByText('CVE-2026-0002').waitFor()
  await changes.getByText('1 fixed').locator('xpath=..').getByText('CVE-2026-0001').waitFor()
  expect(await changes.locator('.texts .name').allInnerTexts()).toEqual(
    expect.arrayContaining(['zlib', 'openssl', 'curl']),
  )
  const evidence = page.getByRole('region', { name: 'Evidence' })
  await evidence.getByText('1 low').first().waitFor()
  await evidence.locator('summary').last().click()
  await expectAccessible(page)

  await page.getByRole('button', { name: 'Approve …' }).click()
  const decision = page.getByRole('dialog')
  expect(await decision.locator('.whole-digest').innerText()).toBe(after.digest)
  await decision.getByLabel('Comment').fill('Looks right')
  await expectAccessible(page)
  await keepScreen(page, 'decision-desk')
  await decision.getByRole('button', { name: 'Approve this digest' }).click()

  // Nobody reloads: each page hears of it.
  for (const watching of [deciding, asking, looking]) {
    await watching.page.getByRole('heading', { level: 2, name: 'Promoted' }).waitFor()
    const { host } = new URL(url)
    await watching.page
      .getByText(`docker pull ${host}/trusted/${repository}:1.4.2`, { exact: true })
      .waitFor()
    expect(watching.faults).toEqual([])
    await watching.context.close()
  }
  const authorization = `Basic ${Buffer.from(`${dora.name}:${dora.password}`).toString('base64')}`
  const pulled = await fetch(`${url}/v2/trusted/${repository}/manifests/1.4.2`, {
    headers: { authorization },
  })
  expect(pulled.headers.get('docker-content-digest')).toBe(after.digest)
})

test('a moved tag is shown, a rejection says why, and its requester reads it on a phone', async () => {
  const moving = `team/moving-${scene.mark}`
  await scene.push(rita, `dev/${moving}`, '0.1.0', makeImage({ layers: ['one'] }))
  const { id } = await rita.client.createRequest({
    body: { lane: 'dev-to-trusted', image: `${moving}:0.1.0` },
  })
  await scene.push(rita, `dev/${moving}`, '0.1.0', makeImage({ layers: ['two'] }))

  const { page, faults, context } = await open(anna, `/requests/${id}`)
  await page.getByText('The source tag has moved since this was asked').waitFor()
  await page.getByRole('button', { name: 'Reject …' }).click()
  const decision = page.getByRole('dialog')
  expect(await decision.getByRole('button', { name: 'Reject' }).isDisabled()).toBe(true)
  await decision.getByLabel('Why').fill('The tag moved')
  await decision.getByRole('button', { name: 'Reject' }).click()
  await page.getByText('Rejected').first().waitFor()
  expect(faults).toEqual([])
  await context.close()

  const phone = await open(rita, '/?show=mine', PHONE)
  await phone.page.getByRole('link', { name: `${moving}:0.1.0` }).click()
  await phone.page.getByText('The tag moved', { exact: true }).waitFor()
  await settled(phone.page)
  await keepScreen(phone.page, 'rejected-phone')
  await phone.context.close()
})

test('what waits appears by itself, told by events, and the filters stay in the address', async () => {
  const name = `team/live-${scene.mark}`
  await scene.push(rita, `dev/${name}`, '1.0.0', makeImage({ layers: ['live'] }))
  const { page, context, faults } = await open(anna, `/?find=live-${scene.mark}`)
  await page.getByText('Nothing waits for you').or(page.getByText('Nothing matches the filters')).waitFor()
  // From here on lists are not asked for every few seconds: without the event it would take a minute.
  const updates = page.getByRole('status', { name: 'Updates' })
  await updates.getByText('Live').waitFor()
  await rita.client.createRequest({ body: { lane: 'dev-to-trusted', image: `${name}:1.0.0` } })
  await page.getByRole('link', { name: `${name}:1.0.0` }).click()
  await page.getByRole('heading', { level: 1, name: `${name}:1.0.0` }).waitFor()
  await page.goBack()
  expect(await page.getByLabel('Find').inputValue()).toBe(`live-${scene.mark}`)
  await page.getByRole('link', { name: 'All', exact: true }).click()
  await page.waitForURL(/show=all/)
  expect(new URL(page.url()).searchParams.get('find')).toBe(`live-${scene.mark}`)
  await page.reload()
  await page.getByRole('link', { name: `${name}:1.0.0` }).waitFor()
  expect(faults).toEqual([])
  await context.close()
})

test('while the stream is down it says so and lists follow all the same; then it is back', async () => {
  const name = `team/down-${scene.mark}`
  await scene.push(rita, `dev/${name}`, '1.0.0', makeImage({ layers: ['down'] }))
  const { page, context } = await visit(browser, url)
  const stream = '**/api/v1/events'
  await page.route(stream, (route) => route.abort())
  await page.goto(`/?find=down-${scene.mark}`)
  await signIn(page, anna)
  const updates = page.getByRole('status', { name: 'Updates' })
  await updates.getByText('Reconnecting …').waitFor()
  await rita.client.createRequest({ body: { lane: 'dev-to-trusted', image: `${name}:1.0.0` } })
  await page.getByRole('link', { name: `${name}:1.0.0` }).waitFor()
  await keepScreen(page, 'reconnecting-desk')
  await page.unroute(stream)
  await updates.getByText('Live').waitFor()
  await context.close()
})

test('of two approvals that are needed, the first is seen by whoever looks on', async () => {
  const name = `team/two-${scene.mark}`
  const policy = { gates: { quorum: [{ count: 2 }] } }
  const lane = await scene.lane({ name: `two-${scene.mark}`, from: 'dev', to: 'trusted', policy })
  await scene.push(rita, `dev/${name}`, '1.0.0', makeImage({ layers: ['two'] }))
  const { id, digest } = await rita.client.createRequest({ body: { lane, image: `${name}:1.0.0` } })
  const { page, context, faults } = await open(dora, `/requests/${id}`)
  await page.getByText('0 of 2 approvals', { exact: true }).waitFor()
  await page.getByRole('status', { name: 'Updates' }).getByText('Live').waitFor()
  await anna.client.decideRequest({ params: { id }, body: { decision: 'approve', digest: digest ?? '' } })
  await page.getByText('1 of 2 approvals', { exact: true }).waitFor()
  expect(faults).toEqual([])
  await context.close()
})

test('an ended session leads to the sign-in, and from there to where one was', async () => {
  const { page, context, faults } = await open(anna, `/feeds/dev/repositories/${repository}?tag=1.4.1`)
  await page.getByRole('heading', { name: 'The life of 1.4.1' }).waitFor()
  const token = String(await page.evaluate('JSON.parse(localStorage.getItem("sluice.session")).token'))
  await fetch(`${url}/api/v1/auth/logout`, { method: 'POST', headers: { authorization: `Bearer ${token}` } })
  await page.getByRole('button', { name: 'Sign in' }).waitFor()
  await page.getByText('Sign in to go on where you were.').waitFor()
  await signIn(page, { name: anna.name, password: 'wrong' })
  await page.getByText('User name or password is wrong.').waitFor()
  await signIn(page, anna)
  await page.getByRole('heading', { name: 'The life of 1.4.1' }).waitFor()
  expect(faults).toEqual([])
  // Signing out ends the session at the service too.
  const later = String(await page.evaluate('JSON.parse(localStorage.getItem("sluice.session")).token'))
  await page.getByRole('button', { name: anna.name }).click()
  await page.getByRole('menuitem', { name: 'Sign out' }).click()
  await page.getByRole('button', { name: 'Sign in' }).waitFor()
  expect(await page.evaluate('localStorage.getItem("sluice.session")')).toBeNull()
  const asked = await fetch(`${url}/api/v1/me`, { headers: { authorization: `Bearer ${later}` } })
  expect(asked.status).toBe(401)
  await context.close()
})

test('a password set by somebody else is changed before anything else', async () => {
  const name = `nora-${scene.mark}`
  await scene.admin.createUser({
    body: { username: name, password: 'given by admin', mustChangePassword: true },
  })
  const { page, context, faults } = await visit(browser, url)
  await page.goto('/lanes')
  await signIn(page, { name, password: 'given by admin' })
  await page.getByRole('heading', { name: 'Choose your own password' }).waitFor()
  await expectAccessible(page)
  await keepScreen(page, 'password-desk')
  await page.getByLabel('Password now').fill('given by admin')
  await page.getByLabel('New password', { exact: true }).fill('my very own words')
  await page.getByLabel('New password again').fill('my very own words')
  await page.getByRole('button', { name: 'Change password' }).click()
  await page.getByText('No lane is open to you').waitFor()
  expect(new URL(page.url()).pathname).toBe('/lanes')
  expect(faults).toEqual([])
  await context.close()
})
