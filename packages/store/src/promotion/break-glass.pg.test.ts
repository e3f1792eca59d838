import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Actor } from '../index.ts'
import { type House, openHouse, type Scene, setScene } from './test-scene.ts'

let house: House
beforeAll(async () => {
  house = await openHouse()
})
afterAll(() => house.close())

const refused = (code: string) => expect.objectContaining({ name: 'StoreError', code })

/** A lane whose gates nothing passes today; rita may break the glass. */
async function emergency() {
  const gates = { quorum: [{ count: 2 }], soak: { minutes: 9999 } }
  const scene = await setScene(house, { gates })
  const digest = await scene.push('app', ['1.0.0'])
  await grant(scene, scene.rita, '{pull,request,approve,break-glass,recall}')
  const breakIt = (actor = scene.rita, over: object = {}) =>
    house.api.requests.breakGlass(actor, {
      lane: scene.lane,
      items: [{ image: 'app:1.0.0' }],
      reason: 'production is down',
      ...over,
    })
  return { scene, digest, breakIt }
}

async function grant(scene: Scene, { principalId }: Actor, verbs: string): Promise<void> {
  await scene.sql('update access_grant set verbs = $3 where feed_id = $1 and principal_id = $2', [
    scene.trusted.id,
    principalId,
    verbs,
  ])
}

test('lets a digest in without a quorum, by the same steps, and says so everywhere', async () => {
  const { scene, digest, breakIt } = await emergency()
  const request = await breakIt()
  expect(request).toMatchObject({
    kind: 'break-glass',
    state: 'APPROVED',
    digest,
    reason: 'production is down',
    approvals: [],
    breakGlass: { by: scene.rita.name, reviews: [], needsReview: true },
    promotion: { state: 'QUEUED' },
  })
  await scene.promote(request.promotion!.id)
  expect(await scene.landed('app', '1.0.0')).toBe(digest)
  const { admission } = await house.api.verify({ feedId: scene.trusted.id, repository: 'app', tag: '1.0.0' })
  expect(admission).toMatchObject({ breakGlass: true, requester: scene.rita.name, approvers: [] })
  expect(await scene.entries(`request:${request.id}`)).toEqual([
    'request.created',
    'glass.broken',
    'promotion.started',
    'promotion.succeeded',
  ])
  const [row] = await scene.sql(
    `select b.request_id as request, b.bound_hash = a.bound_hash as bound from admission a join break_glass b on b.id = a.break_glass_id
     where a.digest = $1`,
    [digest],
  )
  expect(row).toEqual({ request: request.id, bound: true })
})

test('is reviewed by two other persons who may approve, each once', async () => {
  const { scene, breakIt } = await emergency()
  const { id } = await breakIt()
  const review = (actor: Actor, comment = 'seen') => house.api.requests.review(actor, id, { comment })
  await expect(review(scene.rita)).rejects.toThrow(refused('self_approval'))
  await expect(review(scene.robot)).rejects.toThrow(refused('robot_cannot_approve'))
  await expect(review(scene.anna, ' ')).rejects.toThrow(refused('invalid'))
  const due = async () => {
    const { items } = await house.api.requests.list({
      review: 'due',
      limit: 10,
      visibleFeedIds: [scene.trusted.id],
    })
    return items.map((request) => request.id)
  }
  expect(await due()).toEqual([id])
  expect((await review(scene.anna)).breakGlass).toMatchObject({ needsReview: true })
  expect(await due()).toEqual([id])
  await expect(review(scene.anna)).rejects.toThrow(refused('already_decided'))
  await grant(scene, scene.otto, '{pull}')
  await expect(review(scene.otto)).rejects.toThrow(refused('approve_not_granted'))
  await grant(scene, scene.otto, '{approve}')
  expect((await review(scene.otto, 'fine')).breakGlass).toMatchObject({
    needsReview: false,
    reviews: [
      { person: scene.anna.name, comment: 'seen' },
      { person: scene.otto.name, comment: 'fine' },
    ],
  })
  const ordinary = await scene.request('app:1.0.0', { targetTags: ['x'] })
  expect(await due()).toEqual([])
  await expect(house.api.requests.review(scene.anna, ordinary.request.id, { comment: 'x' })).rejects.toThrow(
    refused('not_found'),
  )
})

test('is refused without the grant, by a robot, and without a reason; nothing stays', async () => {
  const { scene, breakIt } = await emergency()
  await expect(breakIt(scene.anna)).rejects.toThrow(refused('break_glass_not_granted'))
  await expect(breakIt(scene.robot)).rejects.toThrow(refused('robot_cannot_approve'))
  await expect(breakIt(scene.rita, { reason: ' ' })).rejects.toThrow(refused('invalid'))
  expect(await scene.sql('select 1 from request where lane_id = $1', [scene.laneId])).toEqual([])
})

test('does not let in what is recalled, nor move what is immutable', async () => {
  const { scene, digest, breakIt } = await emergency()
  await scene.promote((await breakIt()).promotion!.id)
  await house.api.recalls.create(scene.rita, { digest, feedId: scene.trusted.id, reason: 'CVE-1' })
  const again = { items: [{ image: 'app:1.0.0', targetTags: ['1.0.1'] }] }
  await expect(breakIt(scene.rita, again)).rejects.toThrow(refused('gate_refused'))
  await scene.push('app', ['2.0.0'])
  const over = { items: [{ image: 'app:2.0.0', targetTags: ['1.0.0'] }] }
  await expect(breakIt(scene.rita, over)).rejects.toThrow(refused('tag_exists'))
})

test('Postgres: no ordinary request becomes one, and the record is bound and written once', async () => {
  const { scene, breakIt } = await emergency()
  const { request } = await scene.request('app:1.0.0', { targetTags: ['x'] })
  const write = (id: string, bound = 'r.bound_hash') =>
    house.api.prisma.$executeRawUnsafe(
      `insert into break_glass (id, request_id, person_id, bound_hash, entry_id)
       select gen_random_uuid(), r.id, r.requester_id, ${bound}, r.entry_id from request r where r.id = $1::uuid`,
      id,
    )
  await expect(write(request.id)).rejects.toThrow(/request_state/)
  const approve = `update request set state = 'APPROVED' where id = $1::uuid`
  await expect(house.api.prisma.$executeRawUnsafe(approve, request.id)).rejects.toThrow(/quorum_missing/)
  const broken = await breakIt()
  await expect(write(broken.id)).rejects.toThrow(/request_state/)
  await expect(
    scene.sql('update break_glass set person_id = $2 where request_id = $1', [
      broken.id,
      scene.anna.principalId,
    ]),
  ).rejects.toThrow(/append_only/)
})
