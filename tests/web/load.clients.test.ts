import http from 'node:http'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { openBrowser, signIn, visit } from './browser.ts'

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

/** Scripts of what is only opened later: menus and dialogs. */
const LATER = /account-menu|Dialog|modal/

test.each([
  ['/sign-in', 'main form', '', ''],
  ['/', 'main h1', '/api/v1/me', '/api/v1/requests'],
  ['/requests/0190b0a0-0000-7000-8000-000000000000', 'main h2', '/api/v1/me', '/api/v1/requests/0190b0a0'],
  ['/history', 'main h1', '/api/v1/me', '/api/v1/promotions'],
])('%s waits for the page, then for its scripts, then for what it shows', async (where, ready, ...asks) => {
  const { page, context } = await visit(browser, url)
  if (where !== '/sign-in') {
    await page.goto('/')
    await signIn(page, { name: 'admin', password: adminPassword })
    await page.getByRole('heading', { level: 1, name: 'Inbox' }).waitFor()
  }
  const asked: string[] = []
  // The view before asks for nothing any more.
  await page.goto('about:blank')
  page.on('request', (request) => void asked.push(request.url().slice(url.length)))
  await page.goto(where)
  await page.locator(ready).first().waitFor()
  const { text } = await wireSize(where)
  const scripts = asked.filter((path) => path.endsWith('.js') && !LATER.test(path))
  expect(scripts.length).toBeGreaterThan(0)
  // A script that the page does not name would be asked for only once another has run.
  expect(scripts.filter((path) => !text.includes(path))).toEqual([])
  // What is shown is asked for once, and before anything that nobody waits for.
  const calls = asked.filter((path) => path.startsWith('/api/') && !path.endsWith('/events'))
  for (const ask of asks.filter((path) => path !== '')) {
    expect(calls.slice(0, 3)).toContainEqual(expect.stringContaining(ask))
  }
  expect(calls.filter((path) => path === '/api/v1/me').length).toBe(where === '/sign-in' ? 0 : 1)
  await context.close()
})

test('the page may do nothing but what it is for', async () => {
  const { text, headers } = await wireSize('/requests/any')
  expect(headers['content-security-policy']).toMatch(/^default-src 'none'; script-src 'self'; /)
  expect(text).not.toMatch(/<script(?![^>]*\ssrc="\/assets\/)/)
  expect(text).not.toMatch(/(?:src|href)="(?:https?:)?\/\//)
})
