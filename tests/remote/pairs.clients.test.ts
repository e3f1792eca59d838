import {
  type FlakyProxy,
  REGISTRY_KINDS,
  type RunningRegistry,
  startFlakyProxy,
  startRegistry,
} from '@sluice/testkit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openHouse, pull, push } from './house.ts'

// Whole promotions between real registries: asked for and approved over HTTP, pushed and pulled back by skopeo, which
// hashes every byte. The promotion itself sees nothing of these tests.

const open = '--src-tls-verify=false'
const openTo = '--dest-tls-verify=false'
let house: Awaited<ReturnType<typeof openHouse>>
beforeAll(async () => {
  house = await openHouse()
})

describe.each(REGISTRY_KINDS)('%s', (kind) => {
  let near: RunningRegistry
  let far: RunningRegistry
  /** In front of `near`, to see what is sent. */
  let seen: FlakyProxy
  beforeAll(async () => {
    near = await startRegistry(kind)
    far = await startRegistry(kind)
    seen = await startFlakyProxy(near.url)
  })
  afterAll(async () => {
    await seen.close()
    await Promise.all([near.stop(), far.stop()])
  })

  const hostOf = ({ url }: { url: string }) => new URL(url).host

  test('hosted to remote', async () => {
    const { own } = house
    const digest = await push(`${own.host}/dev/${kind}:1.0.0`, openTo, `--dest-creds=${own.credentials}`)
    const lane = await house.lane('dev', await house.feed({ url: far.url, prefix: 'from-hosted' }, true))
    expect(await house.promote(lane, `${kind}:1.0.0`)).toMatchObject({ state: 'SUCCEEDED', digest })
    expect(await pull(`${hostOf(far)}/from-hosted/${kind}:1.0.0`, open)).toBe(digest)
  })

  test('remote to hosted', async () => {
    const { own } = house
    const digest = await push(`${hostOf(near)}/team/app:1.0.0`, openTo)
    const from = await house.feed({ url: near.url, prefix: 'team' }, false)
    const to = await house.feed(null, true)
    const ended = await house.promote(await house.lane(from, to), 'app:1.0.0')
    expect(ended).toMatchObject({ state: 'SUCCEEDED', digest })
    expect(await pull(`${own.host}/${to}/app:1.0.0`, open, `--src-creds=${own.credentials}`)).toBe(digest)
  })

  test('remote to remote', async () => {
    const digest = await push(`${hostOf(near)}/team/app:2.0.0`, openTo)
    const from = await house.feed({ url: near.url, prefix: 'team' }, false)
    const to = await house.feed({ url: far.url, prefix: 'from-remote' }, true)
    const ended = await house.promote(await house.lane(from, to), 'app:2.0.0')
    expect(ended).toMatchObject({ state: 'SUCCEEDED', digest })
    expect(await pull(`${hostOf(far)}/from-remote/app:2.0.0`, open)).toBe(digest)
  })

  test('two feeds on one registry: blobs are mounted, and not one byte of them is sent', async () => {
    const digest = await push(`${hostOf(near)}/team/app:3.0.0`, openTo)
    const from = await house.feed({ url: seen.url, prefix: 'team' }, false)
    const to = await house.feed({ url: seen.url, prefix: 'released' }, true)
    const ended = await house.promote(await house.lane(from, to), 'app:3.0.0')
    expect(ended).toMatchObject({ state: 'SUCCEEDED', digest })
    const sent = (method: string, path: RegExp) =>
      seen.log.filter((line) => line.startsWith(`${method} `) && path.test(line))
    // zot has a blob of any repository in all of them.
    const mounted = sent('POST', /\/v2\/released\/app\/blobs\/uploads\/\?mount=.*from=team%2Fapp/)
    expect(mounted).toHaveLength(kind === 'zot' ? 0 : 3)
    expect([...sent('PUT', /uploads/), ...sent('PATCH', /uploads/)]).toEqual([])
    expect(await pull(`${hostOf(near)}/released/app:3.0.0`, open)).toBe(digest)
  })
})
