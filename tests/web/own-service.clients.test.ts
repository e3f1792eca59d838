import fs from 'node:fs'
import path from 'node:path'
import { type Client, createClient } from '@sluice/contract'
import { ensureDatabase, startPostgres } from '@sluice/postgres'
import { until } from '@sluice/testkit'
import { Client as Database } from 'pg'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeFolder, startService } from '../../scripts/service.mjs'
import { expectAccessible, keepScreen, openBrowser, type Visit, visitAs } from './browser.ts'
import { type Made, makeImage, pushImage } from './image.ts'
import { openScene, type Person } from './scene.ts'

// What a service that others use at the same time cannot show: first steps, images that are old, a disk that lost a byte.

const FEED = 'old'
const TAGS = ['0.0', '0.1', '0.2', '0.3', '0.4'] as const
const cleanUp: (() => Promise<unknown> | void)[] = []
const images = new Map<string, Made>(
  TAGS.map((tag) => [tag, makeImage({ layers: [`${tag} of what is old `] })]),
)
let browser: Browser
let folder: string
let database: Database
let start: () => ReturnType<typeof startService>
let service: Awaited<ReturnType<typeof startService>>
let admin: Client

beforeAll(async () => {
  folder = makeFolder()
  cleanUp.push(() => fs.rmSync(folder, { recursive: true, force: true }))
  const server = await startPostgres({ dataDir: path.join(folder, 'postgres'), durable: false })
  cleanUp.push(() => server.stop())
  const ownerUrl = await ensureDatabase(server.url, 'sluice')
  start = () => startService({ folder, env: { DATABASE_URL: ownerUrl } })
  service = await start()
  cleanUp.push(() => service.stop())
  database = new Database({ connectionString: ownerUrl })
  await database.connect()
  cleanUp.push(() => database.end())
  browser = await openBrowser()
  cleanUp.push(() => browser.close())
  admin = await administrator()
  await admin.createFeed({ body: { name: FEED, stage: 'dev' } })
  const authorization = `Basic ${btoa(`admin:${service.adminPassword}`)}`
  for (const [tag, image] of images) await pushImage(service.url, authorization, `${FEED}/app`, tag, image)
  await database.query(`update repository_manifest set pushed_at = pushed_at - interval '25 hours'`)
})
afterAll(async () => {
  for (const undo of cleanUp.toReversed()) await undo()
})

async function administrator(): Promise<Client> {
  const { url, adminPassword } = service
  const { token } = await createClient({ url }).login({
    body: { username: 'admin', password: adminPassword },
  })
  return createClient({ url, token })
}

const open = (where: string, person?: Person): Promise<Visit> =>
  visitAs(browser, service.url, person ?? { name: 'admin', password: service.adminPassword }, where)

test('the first steps lead from an empty service to an image that is pulled', async () => {
  const scene = await openScene(service)
  const [rita, anna] = [await scene.requester(), await scene.approver()]
  const { host } = new URL(service.url)
  const { page, context, faults } = await open('/guide', rita)
  await page.getByText(`docker login ${host} -u ${rita.name}`).waitFor()
  await page.getByText(`docker push ${host}/dev/hello:1.0.0`).waitFor()
  await expectAccessible(page)
  await keepScreen(page, 'guide-begin-desk')
  const image = makeImage({ layers: ['hello '] })
  await scene.push(rita, 'dev/hello', '1.0.0', image)
  await page.getByRole('button', { name: 'Promote hello:1.0.0 …' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Ask', exact: true }).click()
  await page.getByRole('heading', { level: 1, name: 'hello:1.0.0' }).waitFor()
  const id = new URL(page.url()).pathname.split('/').at(-1) ?? ''
  await page.goto('/guide')
  await page.getByText('Sign in as the second person').waitFor()
  await anna.client.decideRequest({ params: { id }, body: { decision: 'approve', digest: image.digest } })
  await page.getByText('That is the whole way').waitFor()
  await page.getByText(`docker pull ${host}/trusted/hello:1.0.0`, { exact: true }).waitFor()
  await expectAccessible(page)
  await keepScreen(page, 'guide-end-desk')
  expect(faults).toEqual([])
  await context.close()
})

test('retention rules are tried before they are saved, and what is wrong with them is told at the field', async () => {
  const running = images.get('0.0')?.digest ?? ''
  await admin.createSite({ body: { name: 'prod-eu', reporters: ['admin'] } })
  await admin.reportRunning({ params: { site: 'prod-eu' }, body: [{ digest: running }] })
  const { page, context, faults } = await open(`/admin/feeds/${FEED}`)
  const retention = page.getByRole('region', { name: 'Retention' })
  await retention.getByText('Without rules, everything is kept.').waitFor()
  await retention.getByRole('button', { name: 'Add a rule' }).click()
  await retention.getByLabel('Repositories').fill('Not A Name')
  await retention.getByRole('button', { name: 'See what would go' }).click()
  await retention
    .getByText(/must be a repository name/)
    .first()
    .waitFor()
  expect(await retention.getByRole('button', { name: 'Save these rules' }).count()).toBe(0)
  await expectAccessible(page)
  await retention.getByLabel('Repositories').fill('app other/*')
  await retention.getByLabel('Last tags').fill('2')
  await retention.getByLabel('Tags named').fill('release')
  await retention.getByRole('button', { name: 'See what would go' }).click()
  await retention.getByText('2 images of 1 repository, with 2 tags, would go').waitFor()
  await retention.getByText('1 image stays because of what runs').waitFor()
  await retention.getByRole('link', { name: 'prod-eu' }).waitFor()
  const rules = [{ repositories: ['app', 'other/*'], keepLast: 2, keepTags: ['release'] }]
  await expectAccessible(page)
  await keepScreen(page, 'retention-desk')
  // What is changed after it was tried is tried again.
  await retention.getByLabel('Last tags').fill('3')
  expect(await retention.getByRole('button', { name: 'Save these rules' }).count()).toBe(0)
  await retention.getByLabel('Last tags').fill('2')
  await retention.getByRole('button', { name: 'Save these rules' }).click()
  await retention.getByText('These rules are the feed’s now.').waitFor()
  expect((await admin.getFeed({ params: { feed: FEED } })).retention).toEqual({ rules })
  expect(faults).toEqual([])
  await context.close()
})

test('a blob whose bytes changed on the disk is found by the scrubber, and told with what holds it', async () => {
  const [layer] = images.get('0.4')?.blobs.keys() ?? []
  const { rows } = await database.query<{ digest: string; key: string }>(
    'select digest, storage_key as key from blob where digest = $1',
    [layer],
  )
  const [{ digest, key } = { digest: '', key: '' }] = rows
  await service.stop()
  const file = path.join(folder, 'data', 'blobs', key)
  const bytes = fs.readFileSync(file)
  bytes.writeUInt8(bytes.readUInt8(7) ^ 1, 7)
  fs.writeFileSync(file, bytes)
  // The scrubber looks at what it did not look at for a week.
  await database.query(`update blob set scrubbed_at = scrubbed_at - interval '8 days'`)
  service = await start()
  admin = await administrator()
  await until(async () => (await admin.getStorage()).damaged.count === 1, { what: 'the scrubber' })
  const { page, context, faults } = await open('/admin/storage')
  await page.getByText('1 quarantined').waitFor()
  await page.locator(`code[title="${digest}"]`).first().waitFor()
  await page.getByText(`${FEED}/app`).waitFor()
  await expectAccessible(page)
  await keepScreen(page, 'storage-damaged-desk')
  // The same bytes, pushed again, heal it.
  const image = images.get('0.4')
  const authorization = `Basic ${btoa(`admin:${service.adminPassword}`)}`
  if (image !== undefined) await pushImage(service.url, authorization, `${FEED}/app`, '0.4', image)
  await page.reload()
  await page.getByText('1 quarantined').waitFor({ state: 'detached' })
  await page.getByText('Every blob hashed since').waitFor()
  expect(faults).toEqual([])
  await context.close()
})
