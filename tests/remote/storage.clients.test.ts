import fs from 'node:fs'
import path from 'node:path'
import { pushImage, type RunningRegistry, startFlakyProxy, startRegistry, until } from '@sluice/testkit'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openHouse, pull } from './house.ts'

// What goes wrong where a real registry keeps its files.

const open = '--src-tls-verify=false'
let house: Awaited<ReturnType<typeof openHouse>>
let near: RunningRegistry
let from: string
beforeAll(async () => {
  house = await openHouse()
  near = await startRegistry('docker-registry')
  from = await house.feed({ url: near.url, prefix: 'team' }, false)
})
afterAll(() => near.stop())

test.concurrent('a full disk: ERRORED with nothing visible, and whole once there is room', async () => {
  const full = await startRegistry('docker-registry', { diskMegabytes: 4 })
  const { host } = new URL(full.url)
  const { digest } = await pushImage(near.url, 'team/large', [6_000_000], { tag: '1.0.0' })
  const to = await house.feed({ url: full.url, prefix: 'released' }, true)
  const ended = await house.promote(await house.lane(from, to), 'large:1.0.0')
  expect(ended).toMatchObject({ state: 'ERRORED' })
  expect((await fetch(`${full.url}/v2/released/large/manifests/1.0.0`)).status).toBe(404)
  await full.growDisk(64)
  expect(await house.retry(ended.id)).toMatchObject({ state: 'SUCCEEDED' })
  expect(await pull(`${host}/released/large:1.0.0`, open)).toBe(digest)
  await full.stop()
})

test.concurrent('a blob whose file is gone, while the registry remembers that it has it: sent again', async () => {
  const far = await startRegistry('docker-registry', { remembers: true })
  const proxy = await startFlakyProxy(far.url)
  const { digest } = await pushImage(near.url, 'team/lost', [300_000, 20_000], { tag: '1.0.0' })
  let removed = (): void => undefined
  const gone = new Promise<void>((resolve) => (removed = resolve))
  // The first blob that is read back waits until its file is gone.
  const read = /^\/v2\/released\/lost\/blobs\/sha256:/
  proxy.add({ method: 'GET', path: read, fault: { kind: 'hold-request', until: gone }, times: 1 })
  const to = await house.feed({ url: proxy.url, prefix: 'released' }, true)
  const ending = house.promote(await house.lane(from, to), 'lost:1.0.0')
  const [, hex = ''] = await until(
    () => proxy.log.map((line) => /^GET .*\/blobs\/sha256:(\w+)$/.exec(line)).find((found) => found !== null),
    { what: 'a blob to be read back', timeoutMs: 60_000 },
  )
  fs.rmSync(path.join(far.folder, 'data/docker/registry/v2/blobs/sha256', hex.slice(0, 2), hex), {
    recursive: true,
  })
  removed()
  const ended = await ending
  expect(ended).toMatchObject({ state: 'SUCCEEDED', digest })
  expect(await pull(`${new URL(far.url).host}/released/lost:1.0.0`, open)).toBe(digest)
  await proxy.close()
  await far.stop()
})
