import { openStore } from '@sluice/store'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { fresh, openRemote, type Remote } from './test-remote.ts'
import { basic } from './test-service.ts'

let far: Remote['far']
let near: Remote['near']
let make: Remote['make']
let pushThere: Remote['pushThere']
let close: Remote['close']
beforeAll(async () => {
  ;({ far, near, make, pushThere, close } = await openRemote())
}, 120_000)
afterAll(() => close())

const notify = (feed: string, authorization: string | undefined, events: object[]) =>
  near.call('notifyFeed', undefined, {
    params: { feed },
    body: { events },
    ...(authorization !== undefined && { headers: { authorization } }),
  })
const keyOf = async (feed: string) =>
  (await near.call('getNotificationKey', near.admin, { params: { feed } })).body

/** What a worker does when it hears of a notification. */
async function workerLooks() {
  const worker = await openStore({ url: near.workerUrl, secret: near.secret })
  const compared = await worker.remotes.followHints(() => undefined)
  await worker.close()
  return compared
}

describe('notifications of a registry', () => {
  test('are taken with the key of their feed alone, and make it look', async () => {
    const { name } = await make({}, { trusted: true })
    const other = await make()
    const { url, authorization } = await keyOf(name)
    expect(url).toBe(`${near.url}/api/v1/feeds/${name}/notifications`)
    const events = [{ action: 'push', target: { repository: 'dev/app', tag: '1.0.0' } }, { action: 'delete' }]
    await pushThere('app', '1.0.0')
    const query = { repository: 'app' }
    expect((await near.call('listTags', near.admin, { params: { feed: name }, query })).status).toBe(200)
    expect((await notify(name, authorization, events)).status).toBe(202)
    expect(await workerLooks()).toEqual({ raised: 1, resolved: 0 })
    const alerts = await near.call('listAlerts', near.admin, { query: { feed: name, state: 'open' } })
    expect(alerts.body.items).toMatchObject([{ repository: 'app', tag: '1.0.0', expected: null }])
    for (const wrong of [undefined, 'Bearer x', (await keyOf(other.name)).authorization]) {
      expect((await notify(name, wrong, events)).status).toBe(401)
    }
    expect((await notify('dev', authorization, events)).status).toBe(401)
    expect((await notify('nothing', authorization, events)).status).toBe(401)
    expect((await near.call('getNotificationKey', near.admin, { params: { feed: 'dev' } })).status).toBe(400)
  })
})

describe('alerts', () => {
  const resolve = (token: string | undefined, id: string, resolution: string, comment = 'looked into it') =>
    near.call('resolveAlert', token, { params: { id }, body: { resolution, comment } })

  /** A tag in the registry of a trusted feed that no promotion put there. */
  async function raised() {
    const { name } = await make({}, { trusted: true })
    const repository = fresh('app')
    await pushThere(repository, '1.0.0')
    await near.call('listTags', near.admin, { params: { feed: name }, query: { repository } })
    const events = [{ target: { repository: `dev/${repository}`, tag: '1.0.0' } }]
    await notify(name, (await keyOf(name)).authorization, events)
    expect((await workerLooks()).raised).toBe(1)
    const open = await near.call('listAlerts', near.admin, { query: { feed: name, state: 'open' } })
    expect(open.body).toMatchObject({
      items: [{ feed: name, repository, tag: '1.0.0', resolved: null }],
      next: null,
    })
    return { name, repository, id: String(open.body.items[0].id) }
  }

  test('are listed to who sees the feed', async () => {
    const { name } = await raised()
    const viewer = await near.person(fresh('viewer'), {})
    const puller = await near.person(fresh('puller'), { [name]: ['pull'] })
    const list = (token: string | undefined) => near.call('listAlerts', token, { query: { feed: name } })
    expect((await list(puller)).body.items).toHaveLength(1)
    expect((await list(viewer)).body.items).toEqual([])
    expect((await list(undefined)).status).toBe(401)
  })

  test('are accepted by who administers the feed, with a reason, once', async () => {
    const { name, id } = await raised()
    const viewer = await near.person(fresh('viewer'), {})
    const puller = await near.person(fresh('puller'), { [name]: ['pull'] })
    expect(await resolve(undefined, id, 'accepted')).toMatchObject({ status: 401 })
    expect(await resolve(viewer, id, 'accepted')).toMatchObject({ status: 404, body: { code: 'not_found' } })
    expect(await resolve(puller, id, 'accepted')).toMatchObject({ status: 403, body: { code: 'forbidden' } })
    for (const [resolution, comment, field] of [
      ['gone', 'x', 'resolution'],
      ['accepted', '', 'comment'],
      ['accepted', '  ', 'comment'],
      ['accept-removed', 'it is there, and not gone', 'resolution'],
    ] as const) {
      const answer = await resolve(near.admin, id, resolution, comment)
      expect(answer).toMatchObject({ status: 400, body: { errors: [{ field }] } })
    }
    expect(await resolve(near.admin, id, 'accepted')).toMatchObject({
      status: 200,
      body: { id, resolved: { by: 'admin', resolution: 'accepted', comment: 'looked into it' } },
    })
    expect(await resolve(near.admin, id, 'accepted')).toMatchObject({
      status: 409,
      body: { code: 'already_decided' },
    })
    const nothing = await resolve(near.admin, '01931b2e-0000-7000-8000-000000000000', 'accepted')
    expect(nothing.status).toBe(404)
    const audit = await near.call('listAudit', near.admin, { query: { subject: `alert:${id}` } })
    expect(audit.body.items.map(({ type }: { type: string }) => type).sort()).toEqual([
      'alert.raised',
      'alert.resolved',
    ])
  })

  test('are restored only where the registry says so', async () => {
    const { repository, id } = await raised()
    expect(await resolve(near.admin, id, 'restored')).toMatchObject({
      status: 409,
      body: { code: 'tag_alerted', detail: expect.stringContaining('put it back there first') },
    })
    const removed = await fetch(`${far.url}/v2/dev/${repository}/manifests/1.0.0`, {
      method: 'DELETE',
      headers: { authorization: basic('admin') },
    })
    expect(removed.status).toBe(202)
    expect(await resolve(near.admin, id, 'restored')).toMatchObject({
      status: 200,
      body: { resolved: { resolution: 'restored', by: null } },
    })
  })
})
