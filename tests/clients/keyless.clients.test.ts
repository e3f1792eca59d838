import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import type { Who } from '@sluice/testkit/sigstore'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { call } from '../../scripts/service.mjs'
import { image, writeLayouts } from './images.ts'
import { run } from './run.ts'
import { startSigstore } from './sigstore-service.ts'

// cosign signs without a key, as CI does; the certificate, log and root are of the test's own Sigstore.

const ISSUER = 'https://token.actions.githubusercontent.com'
const WORKFLOW = 'https://github.com/acme/app/.github/workflows/release.yml'
const release: Who = { subject: `${WORKFLOW}@refs/heads/main`, issuer: ISSUER }

const { url, adminPassword } = inject('sluice')
const registry = new URL(url).host
const home = fs.mkdtempSync(path.join(os.tmpdir(), 'sluice-keyless-'))
/** Words, of which none has a space within. */
const cosign = (line: string) =>
  run('cosign', line.split(' '), {
    cwd: home,
    env: { HOME: home, DOCKER_CONFIG: path.join(home, '.docker'), TUF_ROOT: path.join(home, 'tuf') },
  })
const http = '--allow-http-registry'
const place = `${registry}/dev/keyless/app`

let who = release
let sigstore: Awaited<ReturnType<typeof startSigstore>>
let token: string
beforeAll(async () => {
  sigstore = await startSigstore(() => who)
  token = (await call(url, 'POST', '/auth/login', { body: { username: 'admin', password: adminPassword } }))
    .token
  const policy = {
    roots: { ours: sigstore.trustedRoot },
    identities: { release: { root: 'ours', issuer: ISSUER, subject: release.subject } },
    gates: { signatures: [{ from: ['identity:release'] }] },
  }
  await call(url, 'POST', '/lanes', { token, body: { name: 'keyless', from: 'dev', to: 'trusted', policy } })
  for (const feed of ['dev', 'trusted']) {
    const { items } = await call(url, 'GET', `/feeds/${feed}/grants`, { token })
    const verbs = ['pull', 'push', 'request', 'admin']
    const others = items.filter(({ principal }: { principal: string }) => principal !== 'user:admin')
    const mine = { principal: 'user:admin', verbs: feed === 'dev' ? verbs : ['pull', 'request', 'admin'] }
    await call(url, 'PUT', `/feeds/${feed}/grants`, { token, body: [...others, mine] })
  }
  writeLayouts(path.join(home, 'layouts'))
  const index = path.join(home, 'layouts/image/index.json')
  const { manifests, ...rest } = JSON.parse(fs.readFileSync(index, 'utf8'))
  const annotations = { kind: 'dev.cosignproject.cosign/image' }
  fs.writeFileSync(index, JSON.stringify({ ...rest, manifests: [{ ...manifests[0], annotations }] }))
  fs.writeFileSync(path.join(home, 'root.json'), sigstore.trustedRoot)
  fs.writeFileSync(path.join(home, 'config.json'), sigstore.signingConfig)
  // What an issuer of tokens says is the authority's to check; this one takes any.
  const said = { iss: ISSUER, sub: 'repo:acme/app', aud: 'sigstore', exp: 4_102_444_800 }
  const parts = [{ alg: 'none' }, said].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
  fs.writeFileSync(path.join(home, 'token'), `${parts.join('.')}.c2ln`)
  await cosign(`login ${registry} -u admin -p ${adminPassword}`)
  await cosign(`load --dir layouts/image ${place}:1.0.0 ${http}`)
})
afterAll(async () => {
  await sigstore.stop()
  fs.rmSync(home, { recursive: true, force: true })
})

const sign = () =>
  cosign(
    `sign --yes ${http} --signing-config config.json --trusted-root root.json --identity-token token ${place}@${image.digest}`,
  )

const signatures = async (): Promise<{ verdict: string; reasons: string[] }> => {
  const body = { lane: 'keyless', image: 'keyless/app:1.0.0', targetTags: ['9.9.9'] }
  const { gates } = await call(url, 'POST', '/requests/evaluate', { token, body })
  return gates.find(({ gate }: { gate: string }) => gate === 'signatures')
}

test('what cosign signed without a key passes where its certificate is the lane’s identity, and not before', async () => {
  expect((await signatures()).verdict).toBe('block')
  who = { ...release, subject: `${WORKFLOW}@refs/heads/other` }
  await sign()
  const { verdict, reasons } = await signatures()
  expect(verdict).toBe('block')
  expect(reasons.join()).toContain(`it is signed by ${WORKFLOW}@refs/heads/other, whom ${ISSUER} signed in`)
  who = release
  await sign()
  expect(await signatures()).toMatchObject({ verdict: 'pass', reasons: [] })
  // cosign itself believes that signature for the same reasons.
  const named = `--certificate-identity ${release.subject} --certificate-oidc-issuer ${ISSUER}`
  await cosign(`verify ${http} --trusted-root root.json ${named} ${place}@${image.digest}`)
})
