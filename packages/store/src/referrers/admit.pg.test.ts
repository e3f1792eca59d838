import { isRequired, parsePolicy } from '@sluice/promotion'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { attach, shelf, tagOf } from '../evidence/test-attached.ts'
import { bytesOf, from, keys } from '../evidence/test-attestation.ts'
import { newId } from '../index.ts'
import { type House, openHouse, setScene } from '../promotion/test-scene.ts'
import { passed, policy, promoted } from './test-late.ts'

let house: House
beforeAll(async () => {
  house = await openHouse()
})
afterAll(() => house.close())

const SBOM = 'https://cyclonedx.org/bom'

describe('Postgres, whatever the worker says (invariant 1)', () => {
  async function claimed() {
    const scene = await setScene(house, policy)
    const storage = shelf()
    const { id, digest } = await promoted(house, scene, storage)
    const late = await attach(house, scene, storage, { digest }, passed(digest))
    await house.api.referrers.ask(id)
    const due = (await house.worker.referrers.due(100)).find((one) => one.requestId === id)
    if (due === undefined) throw new Error('it is due')
    const [found] = (await house.worker.referrers.find(due, storage)).found
    if (found === undefined) throw new Error('it is found')
    return { scene, storage, id, digest, late, due, found }
  }
  const refused = (code: string) => expect.objectContaining({ name: 'StoreError', code })

  test.each<[string, string, (found: Awaited<ReturnType<typeof claimed>>) => object]>([
    [
      'a key that the lane does not have',
      'not_admitted',
      ({ found }) => ({ carries: found.carries.map((one) => ({ ...one, from: ['key:other'] })) }),
    ],
    [
      'a sender who is not',
      'not_admitted',
      ({ found }) => ({ carries: found.carries.map((one) => ({ ...one, from: ['robot:ci'] })) }),
    ],
    [
      'nobody',
      'not_admitted',
      ({ found }) => ({ carries: found.carries.map((one) => ({ ...one, from: [] })) }),
    ],
    [
      'another type',
      'not_admitted',
      ({ found }) => ({
        carries: found.carries.map((one) => ({ ...one, type: 'sbom', predicateType: null })),
      }),
    ],
    ['nothing that it carries', 'not_admitted', () => ({ carries: [] })],
    [
      'a layer that is not in it',
      'not_admitted',
      ({ found }) => ({ carries: found.carries.map((one) => ({ ...one, layer: 'sha256:x' })) }),
    ],
    ['another subject', 'not_admitted', ({ late }) => ({ subject: late })],
    ['a tag that does not name it', 'not_admitted', ({ digest }) => ({ tag: tagOf(digest, 'sig') })],
    ['a release tag', 'not_admitted', () => ({ tag: '9.9.9' })],
    ['an image in its place', 'not_admitted', ({ digest }) => ({ digest })],
  ])('refuses %s', async (_, code, over) => {
    const scenery = await claimed()
    const { due, found, late, scene } = scenery
    await expect(house.worker.referrers.admit(due, { ...found, ...over(scenery) })).rejects.toEqual(
      refused(code),
    )
    expect(await scene.landed('app', late)).toBe(null)
    await house.worker.referrers.admit(due, found)
    expect(await scene.landed('app', late)).toBe(late)
  })

  test('refuses what follows an image that is recalled, and what is no longer whole', async () => {
    const { scene, due, found, digest, late } = await claimed()
    await scene.sql(`update access_grant set verbs = verbs || '{recall}' where feed_id = $1`, [
      scene.trusted.id,
    ])
    const recall = { digest, feedId: scene.trusted.id, reason: 'CVE-1' }
    const [layer] = found.carries
    await scene.unguarded('blob', 'update blob set quarantined_at = now() where digest = $1', [layer?.layer])
    await expect(house.worker.referrers.admit(due, found)).rejects.toEqual(refused('closure_incomplete'))
    await scene.unguarded('blob', 'update blob set quarantined_at = null where digest = $1', [layer?.layer])
    await house.api.recalls.create(scene.anna, recall)
    await expect(house.worker.referrers.admit(due, found)).rejects.toEqual(refused('recalled'))
    expect(await scene.landed('app', late)).toBe(null)
  })

  test('refuses a record that nobody let in, and another word about one that was', async () => {
    const { due, found, late } = await claimed()
    const worker = house.worker.pool
    const insert = (state: string) =>
      worker.query(
        `insert into late_referrer (id, admission_id, subject, digest, state, entry_id, reason)
         values ($1, $2, $3, $4, $5, case when $5 = 'admitted' then (select id from audit_entry limit 1) end, case when $5 <> 'admitted' then 'x' end)`,
        [newId(), due.admissionId, found.subject, late, state],
      )
    await expect(insert('admitted')).rejects.toMatchObject({ code: 'SL001', message: 'not_admitted' })
    await house.worker.referrers.admit(due, found)
    await expect(
      worker.query(`update late_referrer set state = 'refused', reason = 'x' where digest = $1`, [late]),
    ).rejects.toMatchObject({ code: 'SL001', message: 'append_only' })
    await expect(worker.query('delete from late_referrer')).rejects.toMatchObject({ code: '42501' })
    for (const [role, call] of [
      [house.api.pool, `select admit_referrer(null, null, '', '', '', '[]', null)`],
      [house.api.pool, `select observe_referrer(null, '', '', '')`],
      [
        house.api.pool,
        `insert into late_referrer (id, admission_id, subject, digest, state) values (null, null, '', '', 'waiting')`,
      ],
      [worker, 'select record_late(null, null, null, null, null, null, null, null)'],
    ] as const) {
      await expect(role.query(call)).rejects.toMatchObject({ code: '42501' })
    }
  })

  test('keeps of what a worker saw elsewhere only what its bytes say, and only of untrusted registries', async () => {
    const scene = await setScene(house)
    const bytes = bytesOf({ schemaVersion: 2 })
    const [repository] = await scene.sql<{ id: string }>(
      `insert into repository (id, feed_id, name) values ($1, $2, 'seen') returning id`,
      [newId(), scene.dev.id],
    )
    await expect(
      house.worker.pool.query('select observe_referrer($1, $2, $3, $4)', [
        repository?.id,
        `sha256:${'a'.repeat(64)}`,
        'application/vnd.oci.image.manifest.v1+json',
        Buffer.from(bytes),
      ]),
    ).rejects.toMatchObject({ code: 'SL001', message: 'trusted_feed' })
  })

  const rules = {
    evidence: [
      { type: 'statement', from: ['robot:ci'] },
      { type: SBOM, from: ['key:ci', 'user:a'] },
    ],
    tests: [{ from: ['user:a'] }, { from }],
    signatures: [{ from }],
    provenance: { builders: ['*'], from },
    sbom: { from: ['user:b'] },
    licences: { deny: ['X'], from: ['user:c'] },
    vulnerabilities: { from, vex: { from: ['user:d'] } },
  }
  test.each([{}, rules, ...Object.entries(rules).map(([gate, rule]) => ({ [gate]: rule }))])(
    'asks for what the lane asks for: %j',
    async (gates) => {
      const read = parsePolicy({ gates, keys })
      for (const type of [
        'test',
        'provenance',
        'sbom',
        'vulnerabilities',
        'vex',
        'signature',
        'statement',
      ] as const) {
        for (const predicateType of [null, SBOM]) {
          for (const who of [
            [],
            from,
            ['user:a'],
            ['user:b', 'robot:ci'],
            ['user:c'],
            ['user:d', 'key:ci'],
            ['x'],
          ]) {
            const { rows } = await house.worker.pool.query('select policy_asks_for($1, $2, $3, $4) as asks', [
              JSON.stringify(read),
              type,
              predicateType,
              who,
            ])
            expect([type, predicateType, who, rows[0].asks]).toEqual([
              type,
              predicateType,
              who,
              isRequired(read, { type, predicateType, from: who }),
            ])
          }
        }
      }
    },
  )
})
