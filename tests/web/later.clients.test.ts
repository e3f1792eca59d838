import { createHash } from 'node:crypto'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import {
  DESK,
  expectAccessible,
  expectNoSidewaysScroll,
  keepScreen,
  openBrowser,
  PHONE,
  signIn,
  visit,
} from './browser.ts'
import { type Made, makeImage } from './image.ts'
import { openScene, type Person, type Scene } from './scene.ts'

// What comes to the source after a promotion: the page of its request tells what became of it.

const { url, adminPassword } = inject('sluice')
let browser: Browser
let scene: Scene
let asker: Person
let approver: Person
let feed: string
let lane: string

beforeAll(async () => {
  browser = await openBrowser()
  scene = await openScene({ url, adminPassword })
  asker = await scene.person('asker', { dev: ['pull', 'push'] })
  approver = await scene.person('approver', { dev: ['pull'] })
  feed = `later-${scene.mark}`
  await scene.admin.createFeed({ body: { name: feed, stage: 'prod', trusted: true } })
  const policy = { gates: { tests: [{ from: [`user:${asker.name}`] }] } }
  lane = await scene.lane({ name: `to-later-${scene.mark}`, from: 'dev', to: feed, policy })
  const { items } = await scene.admin.getGrants({ params: { feed } })
  await scene.admin.putGrants({
    params: { feed },
    body: [
      ...items,
      { principal: `user:${asker.name}`, verbs: ['pull', 'request'] },
      { principal: `user:${approver.name}`, verbs: ['pull', 'approve'] },
    ],
  })
})
afterAll(() => browser.close())

const TYPE = 'application/vnd.oci.image.manifest.v1+json'
const sha256 = (bytes: Uint8Array): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`

/** An artifact of one layer that refers to an image. */
function referrer(image: Made, content: object, mediaType: string): Made {
  const [config, layer] = [Buffer.from('{}'), Buffer.from(JSON.stringify(content))]
  const described = (as: string, bytes: Buffer) => ({
    mediaType: as,
    digest: sha256(bytes),
    size: bytes.length,
  })
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: TYPE,
    artifactType: mediaType,
    config: described('application/vnd.oci.empty.v1+json', config),
    layers: [described(mediaType, layer)],
    subject: { mediaType: TYPE, digest: image.digest, size: Buffer.byteLength(image.manifest) },
  })
  return {
    digest: sha256(Buffer.from(manifest)),
    manifest,
    blobs: new Map([config, layer].map((body) => [sha256(body), body])),
  }
}

const testResult = ({ digest }: Made, run: string) => ({
  _type: 'https://in-toto.io/Statement/v1',
  subject: [{ name: 'app', digest: { sha256: digest.slice('sha256:'.length) } }],
  predicateType: 'https://in-toto.io/attestation/test-result/v0.1',
  predicate: { result: 'PASSED', passedTests: [run], failedTests: [] },
})

test('what the approved policy asks for is let in, the rest refused with its reason', async () => {
  const repository = `later-${scene.mark}`
  const image = makeImage({ layers: ['later '] })
  const hang = (made: Made) => scene.push(asker, `dev/${repository}`, made.digest, made)
  await scene.push(asker, `dev/${repository}`, '1.0.0', image)
  await hang(referrer(image, testResult(image, 'before'), 'application/vnd.in-toto+json'))
  const id = await scene.promote(`${repository}:1.0.0`, asker, approver, { lane })

  const { page, context, faults } = await visit(browser, url, { viewport: DESK })
  await page.goto(`/requests/${id}`)
  await signIn(page, asker)
  const later = page.getByRole('region', { name: 'Came later' })
  await later.getByText('No signature, SBOM or attestation came').waitFor()
  await hang(referrer(image, testResult(image, 'after'), 'application/vnd.in-toto+json'))
  const bom = { bomFormat: 'CycloneDX', specVersion: '1.6', components: [] }
  await hang(referrer(image, bom, 'application/vnd.cyclonedx+json'))
  await later.getByRole('button', { name: 'Look now' }).click()
  const list = later.getByRole('list', { name: 'Artifacts that came later' })
  await list.getByText('Let in').waitFor({ timeout: 60_000 })
  await list.getByText('Refused').waitFor()
  await list.getByText(`test by user:${asker.name}`).waitFor()
  await list.getByText(/asks for sbom|it lists no package/).waitFor()
  await expectAccessible(page)
  await keepScreen(page, 'later-desk')
  await page.setViewportSize(PHONE)
  await expectNoSidewaysScroll(page)
  await keepScreen(page, 'later-phone')
  expect(faults).toEqual([])
  await context.close()

  // Who may only approve does not ask for it.
  const other = await visit(browser, url, { viewport: DESK })
  await other.page.goto(`/requests/${id}`)
  await signIn(other.page, approver)
  const seen = other.page.getByRole('region', { name: 'Came later' })
  await seen.getByText('Let in').waitFor()
  expect(await seen.getByRole('button', { name: 'Look now' }).count()).toBe(0)
  await other.context.close()
})
