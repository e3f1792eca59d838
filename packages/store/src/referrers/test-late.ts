import { attach, bundle, type Shelf } from '../evidence/test-attached.ts'
import { attestation, ci, from, keys, result } from '../evidence/test-attestation.ts'
import { newId } from '../index.ts'
import type { House, Scene } from '../promotion/test-scene.ts'

export const policy = { gates: { evidence: [{ type: 'test', from }] }, keys }

/** A test that passed, each time other bytes. */
export const passed = (digest: string, key = ci) =>
  bundle(attestation(digest, { ...result('PASSED'), at: newId() }, { key }))

/** A promotion into the trusted feed, of what nothing hung on but a test result. */
export async function promoted(
  house: House,
  scene: Scene,
  storage: Shelf,
  options: { index?: boolean } = {},
) {
  const digest = await scene.push('app', ['1.0.0'], options)
  const evidenceRules = await scene.sql(
    `select policy -> 'gates' -> 'evidence' as rules from lane_version where lane_id = $1`,
    [scene.laneId],
  )
  if (evidenceRules.some(({ rules }) => rules !== null)) {
    await attach(house, scene, storage, { digest }, bundle(attestation(digest, result('PASSED'))))
  }
  const asked = { lane: scene.lane, items: [{ image: 'app:1.0.0' }] }
  const { request } = await house.api.requests.create(scene.rita, asked, storage)
  const view = await house.api.requests.approve(scene.anna, request.id, { digest }, storage)
  await scene.promote(view.promotion?.id ?? '')
  return { id: request.id, digest }
}
