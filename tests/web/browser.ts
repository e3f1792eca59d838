import fs from 'node:fs'
import path from 'node:path'
import { createRequire } from 'node:module'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import { expect } from 'vitest'

/** Screenshots of each view are kept here. */
const SCREENS = path.resolve(import.meta.dirname, '../../artifacts/screens')
const axe = fs.readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

export const PHONE = { width: 360, height: 740 }
export const TABLET = { width: 768, height: 1024 }
export const DESK = { width: 1440, height: 900 }

export function openBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-dev-shm-usage',
      '--disable-background-networking',
      '--disable-component-update',
      '--no-first-run',
    ],
  })
}

export type Visit = {
  readonly context: BrowserContext
  readonly page: Page
  /** What the page should not have: errors of scripts and of the console, requests to other hosts. */
  readonly faults: string[]
}

/** A browser of one person: nothing is shared with the others. */
export async function visit(
  browser: Browser,
  url: string,
  { viewport = DESK, dark = false }: { viewport?: { width: number; height: number }; dark?: boolean } = {},
): Promise<Visit> {
  const context = await browser.newContext({
    viewport,
    baseURL: url,
    colorScheme: dark ? 'dark' : 'light',
    locale: 'en-GB',
  })
  context.setDefaultTimeout(20_000)
  const page = await context.newPage()
  const faults: string[] = []
  page.on('pageerror', (error) => faults.push(error.message))
  page.on('console', (message) => {
    // Chromium reports every refused request as an error of its own; the views tell what was refused.
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource'))
      faults.push(message.text())
  })
  page.on('request', (request) => {
    const { host, protocol } = new URL(request.url())
    if (protocol !== 'data:' && protocol !== 'blob:' && host !== new URL(url).host)
      faults.push(`asked ${request.url()}`)
  })
  return { context, page, faults }
}

/** A browser of somebody who opened an address and signed in there. */
export async function visitAs(
  browser: Browser,
  url: string,
  person: { name: string; password: string },
  path: string,
  viewport = DESK,
): Promise<Visit> {
  const visited = await visit(browser, url, { viewport })
  await visited.page.goto(path)
  await signIn(visited.page, person)
  return visited
}

export async function signIn(
  page: Page,
  { name, password }: { name: string; password: string },
): Promise<void> {
  await page.getByLabel('User name').fill(name)
  await page.getByLabel('Password', { exact: true }).fill(password)
  await page.getByRole('button', { name: 'Sign in' }).click()
}

/** Nothing is loading any more: what is on the screen is what stays. */
export async function settled(page: Page): Promise<void> {
  await page.locator('.skeleton').first().waitFor({ state: 'detached' })
  await page.evaluate('document.fonts.ready')
}

export async function keepScreen(page: Page, name: string): Promise<void> {
  fs.mkdirSync(SCREENS, { recursive: true })
  await page.screenshot({ path: path.join(SCREENS, `${name}.png`), fullPage: true })
}

type Violation = { id: string; impact: string; help: string; nodes: { target: unknown }[] }

/** axe finds nothing serious. */
export async function expectAccessible(page: Page): Promise<void> {
  await page.evaluate(axe)
  const { violations } = await page.evaluate<{ violations: Violation[] }>(
    'axe.run(document, { resultTypes: ["violations"] })',
  )
  const found = violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, help, nodes }) => `${id}: ${help} at ${nodes.map(({ target }) => String(target)).join(' ')}`)
  expect(found).toEqual([])
}

/** Nothing is wider than the screen. */
export async function expectNoSidewaysScroll(page: Page): Promise<void> {
  const wide = await page.evaluate<string[]>(`(() => {
    const room = document.documentElement.clientWidth
    if (document.documentElement.scrollWidth <= room) return []
    return [...document.querySelectorAll('body *')]
      .filter((node) => node.getBoundingClientRect().right > room + 1 && !node.closest('.scrolls, .tabs'))
      .map((node) => node.tagName + '.' + node.className)
      .concat('page ' + document.documentElement.scrollWidth)
  })()`)
  expect(wide).toEqual([])
}
