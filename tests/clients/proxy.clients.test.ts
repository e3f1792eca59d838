import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import {
  type FlakyProxy,
  REGISTRY_KINDS,
  type RunningRegistry,
  startFlakyProxy,
  startRegistry,
  until,
} from '@sluice/testkit'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { call } from '../../scripts/service.mjs'
import { image, index, pulledDigest, writeLayouts } from './images.ts'
import { run } from './run.ts'

// Registries of other makers behind a proxy feed, pulled through it by other people's clients.

const { url, adminPassword, approver } = inject('sluice')
const here = new URL(url).host
const password = randomBytes(18).toString('base64url')

let home: string
let admin: string
beforeAll(async () => {
  home = fs.mkdtempSync(path.join(os.tmpdir(), 'sluice-through-'))
  writeLayouts(path.join(home, 'layouts'))
  admin = await signIn('admin', adminPassword)
})
afterAll(() => fs.rmSync(home, { recursive: true, force: true }))

const ask = (method: string, route: string, body?: unknown, token = admin) =>
  call(url, method, route, { token, ...(body !== undefined && { body }) })
const signIn = async (username: string, secret: string): Promise<string> =>
  (await call(url, 'POST', '/auth/login', { body: { username, password: secret } })).token
const tool = (command: string, args: readonly string[]) =>
  run(command, args, { cwd: home, env: { HOME: home } })
const crane = (...args: string[]) => tool('crane', args)
const skopeo = (...args: string[]) => tool('skopeo', args)
const layout = (name: string) => path.join(home, 'layouts', name)
const fresh = () => path.join(fs.mkdtempSync(path.join(home, 'pulled-')), 'new')

describe.each(REGISTRY_KINDS)('a proxy of %s', (kind) => {
  const [hub, gold, user] = ['hub', 'gold', 'puller'].map((word) =>
    `${word}-${kind}`.replace('distribution3', 'd3'),
  )
  let upstream: RunningRegistry
  let way: FlakyProxy

  beforeAll(async () => {
    upstream = await startRegistry(kind)
    way = await startFlakyProxy(upstream.url)
    const there = new URL(upstream.url).host
    // docker-registry 2.8 knows no referrers and takes an index as it comes.
    for (const [name, tag] of [
      ['image', '1.0.0'],
      ['index', '2.0.0'],
    ] as const) {
      await skopeo(
        'copy',
        '--all',
        '--preserve-digests',
        `oci:${layout(name)}:v1`,
        `docker://${there}/library/base:${tag}`,
        '--dest-tls-verify=false',
      )
    }
    const remote = { url: way.url, prefix: 'library', plainHttp: 'loopback' }
    await ask('POST', '/feeds', { name: hub, kind: 'proxy', stage: 'hub', remote })
    await ask('POST', '/feeds', { name: gold, stage: 'gold', trusted: true })
    await ask('POST', '/users', { username: user, password })
    for (const [feed, grants] of [
      [hub, [{ principal: `user:${user}`, verbs: ['pull'] }]],
      [
        gold,
        [
          { principal: `user:${user}`, verbs: ['pull', 'request'] },
          { principal: `user:${approver.username}`, verbs: ['pull', 'approve'] },
        ],
      ],
    ] as const) {
      const { items } = await ask('GET', `/feeds/${feed}/grants`)
      await ask('PUT', `/feeds/${feed}/grants`, [...items, ...grants])
    }
    const policy = { gates: { quorum: [{ count: 1 }] } }
    await ask('POST', '/lanes', { name: `${hub}-to-${gold}`, from: hub, to: gold, policy })
    await crane('auth', 'login', here, '-u', user ?? '', '-p', password)
  })
  afterAll(async () => {
    await way.close()
    await upstream.stop()
  })

  async function pull(reference: string): Promise<string> {
    const to = fresh()
    await crane('pull', '--format', 'oci', `${here}/${reference}`, to)
    return pulledDigest(to)
  }
  async function promote(item: { image: string; targetTags?: string[] }): Promise<string> {
    const token = await signIn(user ?? '', password)
    const lane = `${hub}-to-${gold}`
    const { id, digest } = await ask('POST', '/requests', { lane, ...item }, token)
    const decision = { decision: 'approve', digest }
    await ask(
      'POST',
      `/requests/${id}/approvals`,
      decision,
      await signIn(approver.username, approver.password),
    )
    const promotion = async () => (await ask('GET', `/requests/${id}`, undefined, token)).promotion
    await until(async () => ['SUCCEEDED', 'FAILED', 'ERRORED'].includes((await promotion())?.state), {
      what: 'the end of the promotion',
      timeoutMs: 60_000,
    })
    expect((await promotion()).state).toBe('SUCCEEDED')
    return digest
  }

  test('is pulled through by crane and by skopeo, each blob fetched once', async () => {
    expect(await pull(`${hub}/base:1.0.0`)).toBe(image.digest)
    const to = fresh()
    await skopeo(
      'copy',
      '--all',
      '--preserve-digests',
      '--src-tls-verify=false',
      '--src-creds',
      `${user}:${password}`,
      `docker://${here}/${hub}/base:2.0.0`,
      `oci:${to}:v1`,
    )
    expect(pulledDigest(to)).toBe(index.digest)
    const blobs = way.log.filter((line) => line.startsWith('GET ') && line.includes('/blobs/'))
    expect(new Set(blobs).size).toBe(blobs.length)
    expect((await crane('ls', `${here}/${hub}/base`)).trim().split('\n')).toEqual(['1.0.0', '2.0.0'])
  })

  test('is promoted from, into a trusted feed, and pulled there by the same digest', async () => {
    expect(await promote({ image: 'base:2.0.0' })).toBe(index.digest)
    expect(await pull(`${gold}/base:2.0.0`)).toBe(index.digest)
  })

  test('takes no push, and says where to', async () => {
    await expect(crane('push', layout('image'), `${here}/${hub}/base:mine`)).rejects.toThrow(
      /is a proxy, and holds what its upstream serves/,
    )
  })

  test('whose upstream is gone serves what was pulled, says so, and nothing else', async () => {
    await upstream.stop()
    expect(await pull(`${hub}/base:1.0.0`)).toBe(image.digest)
    const told = await fetch(`${url}/v2/${hub}/base/manifests/1.0.0`, {
      headers: { authorization: `Basic ${btoa(`${user}:${password}`)}` },
    })
    expect(told.headers.get('warning')).toMatch(/^299 - "upstream .* served from cache/)
    await expect(pull(`${hub}/base:never`)).rejects.toThrow(/nothing is kept of this here/)
    const { cache } = await ask('GET', `/feeds/${hub}`)
    expect(cache.failingSince).not.toBeNull()
    const kept = { image: `base@${image.digest}`, targetTags: ['1.0.0'] }
    expect(await promote(kept)).toBe(image.digest)
    expect(await pull(`${gold}/base:1.0.0`)).toBe(image.digest)
  })
})
