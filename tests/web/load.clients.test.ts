import http from 'node:http'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { openBrowser, signIn, visit } from './browser.ts'
import { openScene } from './scene.ts'

const { url, adminPassword } = inject('sluice')
/** Bytes of gzip, over the wire. */
const FIRST_LOAD = 250_000

let browser: Browser
beforeAll(async () => {
  browser = await openBrowser()
})
afterAll(() => browser.close())

/** Bytes as they cross the wire: `fetch` would unpack them. */
function wireSize(path: string): Promise<{ size: number; text: string; headers: http.IncomingHttpHeaders }> {
  return new Promise((resolve, reject) => {
    const asked = http.get(new URL(path, url), { headers: { 'accept-encoding': 'gzip' } }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () => {
        const body = Buffer.concat(chunks)
        resolve({ size: body.length, text: body.toString(), headers: response.headers })
      })
    })
    asked.once('error', reject)
  })
}

test('the first load is small, and what is hashed is kept for ever', async () => {
  const { page, context } = await visit(browser, url)
  const scripts = new Set<string>()
  page.on('request', (request) => {
    if (request.resourceType() === 'script') scripts.add(new URL(request.url()).pathname)
  })
  await page.goto('/')
  await page.getByLabel('User name').waitFor()
  await signIn(page, { name: 'admin', password: adminPassword })
  await page.getByRole('heading', { level: 1, name: 'Inbox' }).waitFor()
  const loaded = await Promise.all([...scripts].map(wireSize))
  expect(loaded.length).toBeGreaterThan(0)
  for (const { headers } of loaded) {
    expect(headers['content-encoding']).toBe('gzip')
    expect(headers['cache-control']).toBe('public, max-age=31536000, immutable')
  }
  expect(loaded.reduce((sum, { size }) => sum + size, 0)).toBeLessThan(FIRST_LOAD)
  await context.close()
})

test('the page may do nothing but what it is for', async () => {
  const { text, headers } = await wireSize('/requests/any')
  expect(headers['content-security-policy']).toMatch(/^default-src 'none'; script-src 'self'; /)
  expect(text).not.toMatch(/<script(?![^>]*\ssrc="\/assets\/)/)
  expect(text).not.toMatch(/(?:src|href)="(?:https?:)?\/\//)
})

test('a list of 100,000 draws what is seen', async () => {
  const scene = await openScene({ url, adminPassword })
  const rita = await scene.requester()
  const { page, context, faults } = await visit(browser, url)
  const count = 100_000
  const digest = `sha256:${'a'.repeat(64)}`
  const tag = (number: number) => ({
    tag: `0.0.${number}`,
    digest,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    size: 1,
    platforms: [],
    pushedAt: '2026-01-01T00:00:00.000Z',
    pushedBy: null,
    promotion: null,
    virtual: false,
    release: null,
    pullCommand: 'docker pull x',
  })
  // So many tags take longer to push than anything here takes to test; the list is the answer of a full feed.
  await page.route('**/api/v1/feeds/dev/tags?**', async (route) => {
    const query = new URL(route.request().url()).searchParams
    const from = Number(query.get('after') ?? 0)
    const items = Array.from({ length: 200 }, (_, position) => tag(from + position))
    const next = from + 200 < count ? String(from + 200) : null
    await route.fulfill({ json: { items, next } })
  })
  await page.goto('/feeds/dev/repositories/team/many')
  await signIn(page, rita)
  await page.getByText('0.0.99999', { exact: true }).waitFor({ timeout: 60_000 })
  const drawn = () => page.locator('[role=row]').count()
  expect(await drawn()).toBeLessThan(100)
  await page.evaluate('scrollTo(0, document.documentElement.scrollHeight)')
  await page.getByText('0.0.0', { exact: true }).waitFor()
  expect(await drawn()).toBeLessThan(100)
  expect(faults).toEqual([])
  await context.close()
})
