import { expect } from 'vitest'
import { fresh, openBeside } from '../promotion/test-elsewhere.ts'
import { setScene } from '../promotion/test-scene.ts'

export const PASSWORD = 'c0rrect-horse-battery'
export const basic = { type: 'basic', username: 'puller', password: PASSWORD } as const

export const refused = (code: string, more: object = {}) =>
  expect.objectContaining({ name: 'StoreError', code, ...more })

/** A house beside a registry, and a scene whose remote feeds are there. */
export async function openRemotes() {
  const beside = await openBeside()
  const { house, store, registry } = beside
  const scene = await setScene(house)

  const make = (over: object = {}, trusted = false) =>
    store.feeds.create(scene.rita, {
      name: fresh('far'),
      stage: 'far',
      trusted,
      remote: { url: registry.url, prefix: 'team', plainHttp: 'loopback', ...over },
    })

  return { ...beside, scene, make }
}

export type Remotes = Awaited<ReturnType<typeof openRemotes>>
