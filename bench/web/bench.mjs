// node bench/web/bench.mjs [rounds]: the web app in Chromium as on a phone: nothing cached, a throttled network, a
// quarter of this machine's CPU. A view is there when what it is for can be read and the page answers to input.
import { readFileSync, statSync } from 'node:fs'
import path from 'node:path'
import { chromium } from 'playwright-core'
import { root } from '../../scripts/prepare.mjs'
import { median, startSluice } from '../peers.mjs'
import { save } from '../results.mjs'
import { fill } from './scene.mjs'
import { watch } from './trips.mjs'

const rounds = Number(process.argv[2] ?? 5)
/** Bits a second as bytes, and milliseconds of a round trip, as Lighthouse and WebPageTest name them. */
const NETWORKS = {
  '4G': { latency: 170, downloadThroughput: 9e6 / 8, uploadThroughput: 9e6 / 8 },
  'slow 4G': { latency: 150, downloadThroughput: 1.6e6 / 8, uploadThroughput: 0.75e6 / 8 },
}
const CPU = 4

const sluice = await startSluice()
const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
})
const rows = []
try {
  const { session, request } = await fill(sluice)
  const views = [
    { view: 'sign-in', where: '/sign-in', ready: 'form input[name=username]' },
    { view: 'inbox', where: '/', ready: 'main [role=table] a', session },
    { view: 'request', where: `/requests/${request}`, ready: 'main .decide .button', session },
    { view: 'history', where: '/history', ready: 'main [role=table] a', session },
  ]
  for (const [network, conditions] of Object.entries(NETWORKS)) {
    for (const view of views) {
      const cold = []
      const warm = []
      let crossed
      for (let round = 0; round < rounds; round++) {
        const visit = await open(conditions, view)
        const { ms, ...first } = await visit.load()
        cold.push(ms)
        crossed = first
        warm.push((await visit.load()).ms)
        await visit.close()
      }
      rows.push({
        network,
        view: view.view,
        cold: median(cold),
        warm: median(warm),
        values: { cold, warm },
        ...crossed,
      })
      process.stdout.write(
        `${network}\t${view.view}\t${median(cold).toFixed(0)} ms\t${median(warm).toFixed(0)} ms again\t${(crossed.bytes / 1000).toFixed(0)} kB in ${crossed.requests} requests, ${crossed.trips} after one another\n`,
      )
    }
  }
} finally {
  await browser.close()
  await sluice.stop()
}
save('web', { rounds, cpu: CPU, networks: NETWORKS, rows, firstLoad: firstLoad() })
if (rows.some(({ network, cold }) => network === '4G' && cold >= 2_000)) process.exitCode = 1

/** A browser of somebody who is signed in, but for the sign-in itself. */
async function open(conditions, { where, ready, session = null }) {
  const context = await browser.newContext({ viewport: { width: 390, height: 844 }, baseURL: sluice.url })
  const page = await context.newPage()
  const protocol = await context.newCDPSession(page)
  await page.addInitScript(
    ({ kept, ready }) => {
      if (kept !== null) localStorage.setItem('sluice.session', kept)
      const look = () => {
        if (document.querySelector(ready) === null) return
        watching.disconnect()
        // Painted, and nothing is left to do before an input would be answered.
        requestAnimationFrame(() => setTimeout(() => (window.readyAt = performance.now())))
      }
      const watching = new MutationObserver(look)
      watching.observe(document, { childList: true, subtree: true })
    },
    { kept: session && JSON.stringify(session), ready },
  )
  await protocol.send('Network.enable')
  await protocol.send('Network.emulateNetworkConditions', { offline: false, ...conditions })
  await protocol.send('Emulation.setCPUThrottlingRate', { rate: CPU })
  return {
    async load() {
      const watched = watch(protocol)
      await page.goto(where, { waitUntil: 'commit' })
      await page.waitForFunction(() => window.readyAt !== undefined)
      const ms = await page.evaluate(() => window.readyAt)
      return { ms, ...watched.stop() }
    },
    close: () => context.close(),
  }
}

/** Bytes of gzip of the scripts that the page itself names: what every first visit waits for. */
function firstLoad() {
  const dist = path.join(root, 'apps/web/dist')
  const page = readFileSync(path.join(dist, 'index.html'), 'utf8')
  const scripts = [...page.matchAll(/"\/(assets\/[^"]+\.js)"/g)].map(([, name]) => name)
  return scripts.reduce((sum, name) => sum + statSync(path.join(dist, `${name}.gz`)).size, 0)
}
