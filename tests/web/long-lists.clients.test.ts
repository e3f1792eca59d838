import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { createClient } from '@sluice/contract'
import { ensureDatabase, startPostgres } from '@sluice/postgres'
import { Client } from 'pg'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startService } from '../../scripts/service.mjs'
import { openBrowser, type Visit, visitAs } from './browser.ts'
import { makeImage, pushImage } from './image.ts'

// 100,000 rows that are in Postgres, asked for page by page as somebody scrolls through all of them.

const COUNT = 100_000
const REPOSITORY = 'team/many'
/** Nodes of the document, wherever one is in the list. */
const DRAWN = 2_500
/** Megabytes of JavaScript objects, once the whole list is there. */
const HELD = 250
/** Milliseconds: no measure, since five hundred calls and all their rows are minutes of work for a busy machine. */
const HANGS_AFTER = 900_000

const cleanUp: (() => Promise<unknown> | void)[] = []
let browser: Browser
let database: Client
let adminPassword: string
let url: string

beforeAll(async () => {
  const dataDir = fs.mkdtempSync(path.join(os.tmpdir(), 'sluice-long-'))
  cleanUp.push(() => fs.rmSync(dataDir, { recursive: true, force: true }))
  const server = await startPostgres({ dataDir, durable: false })
  cleanUp.push(() => server.stop())
  const ownerUrl = await ensureDatabase(server.url, 'sluice')
  const service = await startService({ env: { DATABASE_URL: ownerUrl } })
  cleanUp.push(service.stop)
  ;({ url, adminPassword } = service)
  database = new Client({ connectionString: ownerUrl })
  await database.connect()
  cleanUp.push(() => database.end())
  browser = await openBrowser()
  cleanUp.push(() => browser.close())
  await fill()
})
afterAll(async () => {
  for (const undo of cleanUp.toReversed()) await undo()
})

async function fill(): Promise<void> {
  await database.query(
    `insert into repository (id, feed_id, name)
     select gen_random_uuid(), feed_id, $1 from feed_name where name = 'dev'`,
    [REPOSITORY],
  )
  await database.query(
    `insert into tag_move (repository_id, tag, to_digest, actor_id, at)
     select r.id, 'build-' || lpad(n::text, 6, '0'), 'sha256:' || encode(sha256(n::text::bytea), 'hex'), i.person_id,
       now() - ($2 - n) * interval '1 minute'
     from generate_series(1, $2) n, repository r, identity i where r.name = $1 and i.subject = 'admin'`,
    [REPOSITORY, COUNT],
  )
  await database.query('analyze')
}

const open = (where: string): Promise<Visit> =>
  visitAs(browser, url, { name: 'admin', password: adminPassword }, where)

type Scrolled = { readonly most: number; readonly rows: number }

/** Scrolls to the end again and again until a row with this text is there; the most nodes that were drawn. */
const scrollTo = (page: Page, text: string): Promise<Scrolled> =>
  page.evaluate<Scrolled>(`new Promise((resolve) => {
    let most = 0
    const step = () => {
      most = Math.max(most, document.querySelectorAll('*').length)
      const rows = [...document.querySelectorAll('[role=row][aria-rowindex]')]
      const last = rows.at(-1)
      if (last && last.textContent.includes(${JSON.stringify(text)}))
        resolve({ most, rows: Number(last.getAttribute('aria-rowindex')) - 1 })
      else {
        scrollTo(0, document.documentElement.scrollHeight)
        requestAnimationFrame(step)
      }
    }
    step()
  })`)

async function megabytes(page: Page): Promise<number> {
  const session = await page.context().newCDPSession(page)
  await session.send('HeapProfiler.collectGarbage')
  const { usedSize } = await session.send('Runtime.getHeapUsage')
  await session.detach()
  return usedSize / 1e6
}

test(
  'every one of 100,000 moves is reached by scrolling, and few of them are drawn',
  async () => {
    const { page, context, faults } = await open(`/history/tags?repository=${encodeURIComponent(REPOSITORY)}`)
    await page.getByText(`:build-${COUNT}`).first().waitFor()
    const { most, rows } = await scrollTo(page, ':build-000001')
    expect(rows).toBe(COUNT)
    expect(most).toBeLessThan(DRAWN)
    expect(await megabytes(page)).toBeLessThan(HELD)
    // What comes meanwhile is added at the top, by one call: the rest is not asked for again.
    const asked: string[] = []
    page.on('request', (request) => {
      if (request.url().includes('/tag-moves')) asked.push(request.url())
    })
    await page.evaluate('scrollTo(0, 0)')
    await page.getByText(`:build-${COUNT}`).first().waitFor()
    expect(await page.evaluate('document.querySelectorAll("*").length')).toBeLessThan(DRAWN)
    expect(asked.length).toBeLessThan(3)
    expect(faults).toEqual([])
    await context.close()
  },
  HANGS_AFTER,
)

test(
  'a repository of 100,000 tags shows its highest at once, and all of them to who scrolls',
  async () => {
    const authorization = `Basic ${btoa(`admin:${adminPassword}`)}`
    const image = makeImage({ layers: ['many'] })
    await grantPush()
    await pushImage(url, authorization, `dev/${REPOSITORY}`, '0.0.0', image)
    await database.query(
      `insert into tag (repository_id, name, digest)
     select r.id, '0.' || n / 1000 || '.' || n % 1000, $3 from generate_series(1, $2 - 1) n, repository r where r.name = $1`,
      [REPOSITORY, COUNT, image.digest],
    )
    await database.query('analyze')
    const { page, context, faults } = await open(`/feeds/dev/repositories/${REPOSITORY}`)
    await page.getByRole('link', { name: '0.99.999', exact: true }).waitFor()
    const { most, rows } = await scrollTo(page, '0.0.0')
    expect(rows).toBe(COUNT)
    expect(most).toBeLessThan(DRAWN)
    expect(await megabytes(page)).toBeLessThan(HELD)
    expect(faults).toEqual([])
    await context.close()
  },
  HANGS_AFTER,
)

async function grantPush(): Promise<void> {
  const client = createClient({ url })
  const { token } = await client.login({ body: { username: 'admin', password: adminPassword } })
  const admin = createClient({ url, token })
  const { items } = await admin.getGrants({ params: { feed: 'dev' } })
  const others = items.filter(({ principal }) => principal !== 'user:admin')
  await admin.putGrants({
    params: { feed: 'dev' },
    body: [...others, { principal: 'user:admin', verbs: ['pull', 'push', 'request', 'approve', 'admin'] }],
  })
}
