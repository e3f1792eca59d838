import assert from 'node:assert/strict'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { attestation, bytesOf, from, keys, result } from '../evidence/test-attestation.ts'
import { type Actor, type Run, StoreError } from '../index.ts'
import { type House, openHouse, type Scene, setScene } from './test-scene.ts'

// The slower twin of packages/promotion/src/model.test.ts: random histories through the store, as both roles, on
// real Postgres. A small account of who approved what is kept here; after every step invariants 4, 5, 8 and 10
// are looked for in the rows, and whatever is let in is held against that account.

const SEED = Number(process.env['SLUICE_TEST_HISTORY_SEED'] ?? 20_261_125)
const HISTORIES = 12
const STEPS = 40

/** A sequence that a seed fixes (mulberry32). */
function chance(seed: number) {
  let state = seed
  const next = () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const below = (limit: number) => Math.floor(next() * limit)
  return { below, pick: <T>(list: readonly T[]): T => list[below(list.length)]! }
}

interface Asked {
  readonly id: string
  readonly digest: string
  readonly quorum: number
  /** Who said yes and has not taken it back; requesters never get in here. */
  readonly yes: Set<string>
  /** It may not land any more. */
  over: boolean
}

/** What the lane asks for at first, and after it was changed. */
const policyOf = (quorum: number) => ({ gates: { quorum: [{ count: quorum }], tests: [{ from }] }, keys })

/** One history: what is done, and what is known of it. */
class History {
  readonly asked: Asked[] = []
  readonly runs: { readonly run: Run; readonly asked: Asked }[] = []
  readonly failed = new Set<string>()
  quorum = 1
  source: string | null = null
  landed = 0
  refused = 0
  said = 0
  readonly house: House
  readonly scene: Scene
  readonly dice: ReturnType<typeof chance>

  constructor(house: House, scene: Scene, dice: ReturnType<typeof chance>) {
    this.house = house
    this.scene = scene
    this.dice = dice
  }

  readonly steps: readonly (readonly [weight: number, take: () => Promise<void>])[] = [
    [2, () => this.push()],
    [4, () => this.ask()],
    [16, () => this.decide()],
    [2, () => this.revoke()],
    [1, () => this.cancel()],
    [1, () => this.expire()],
    [2, () => this.test()],
    [1, () => this.changeLane()],
    [10, () => this.begin()],
    [10, () => this.commit()],
  ]

  async step(): Promise<void> {
    const all = this.steps.flatMap(([weight, take]) => Array.from({ length: weight }, () => take))
    const before = await this.entries()
    try {
      await this.dice.pick(all)()
    } catch (error) {
      if (!(error instanceof StoreError) || error.code === 'unavailable') throw error
      this.refused++
      // A refusal changes nothing.
      assert.equal(await this.entries(), before)
    }
  }

  async entries(): Promise<number> {
    const [row] = await this.scene.sql<{ count: number }>('select count(*)::int as count from audit_entry')
    return row!.count
  }

  /** The source tag moves to another image, tested or not. */
  async push(): Promise<void> {
    this.source = await this.scene.push('app', ['main'])
    if (this.dice.below(8) > 0) await this.say(this.source, 'PASSED')
  }

  async test(): Promise<void> {
    const one = this.asked.at(-1 - this.dice.below(2))
    if (one !== undefined) await this.say(one.digest, this.dice.pick(['PASSED', 'PASSED', 'FAILED'] as const))
  }

  async say(digest: string, word: 'PASSED' | 'FAILED'): Promise<void> {
    // What is said again is no news: each time it is something else.
    const predicate = { ...result(word), passedTests: [`run ${++this.said}`] }
    await this.house.api.evidence.add(this.scene.rita, {
      bytes: bytesOf(attestation(digest, predicate)),
      feedIds: [this.scene.dev.id],
    })
    if (word === 'FAILED') this.failed.add(digest)
    else this.failed.delete(digest)
  }

  async ask(): Promise<void> {
    const { scene, dice, quorum, source } = this
    const actor = dice.pick([scene.rita, scene.robot])
    const targetTags = [dice.pick(['stable', 'next'])]
    const { request, created } = await scene.request('app:main', { actor, targetTags })
    assert.equal(request.digest, source)
    if (created) this.asked.push({ id: request.id, digest: source!, quorum, yes: new Set(), over: false })
  }

  /** Mostly the newest that is open. */
  one(): Asked {
    const open = this.asked.filter(({ over }) => !over)
    const newest = open.at(-1)
    if (newest !== undefined && this.dice.below(4) > 0) return newest
    if (this.asked.length === 0) throw new StoreError('not_found', 'nothing was asked for yet')
    return this.dice.pick(this.asked)
  }

  async decide(): Promise<void> {
    const { scene, house, dice } = this
    const asked = this.one()
    const who: Actor = dice.pick([scene.anna, scene.otto, scene.anna, scene.otto, scene.rita, scene.robot])
    const digest = dice.below(6) === 0 ? this.source! : asked.digest
    if (dice.below(30) === 0) {
      await house.api.requests.reject(who, asked.id, { digest, comment: 'no' })
      asked.over = true
      return
    }
    await house.api.requests.approve(who, asked.id, { digest })
    assert.deepEqual([digest, asked.over], [asked.digest, false])
    assert.ok([scene.anna.principalId, scene.otto.principalId].includes(who.principalId))
    assert.equal(asked.yes.has(who.principalId), false)
    asked.yes.add(who.principalId)
  }

  async revoke(): Promise<void> {
    const asked = this.one()
    const who = this.dice.pick([this.scene.anna, this.scene.otto])
    await this.house.api.requests.revokeApproval(who, asked.id)
    asked.yes.delete(who.principalId)
  }

  async cancel(): Promise<void> {
    const asked = this.one()
    await this.house.api.requests.cancel(this.scene.rita, asked.id)
    asked.over = true
  }

  /** Time passes for one request. */
  async expire(): Promise<void> {
    const asked = this.one()
    await this.scene.unguarded(
      'request',
      `update request set expires_at = now() - interval '1 s' where id = $1`,
      [asked.id],
    )
    asked.over = true
  }

  async changeLane(): Promise<void> {
    const { scene, house, dice } = this
    const invalidate = dice.below(2) === 0
    this.quorum = this.quorum === 1 ? 2 : 1
    await house.api.lanes.put(scene.rita, scene.lane, { policy: policyOf(this.quorum), invalidate })
    if (invalidate) for (const asked of this.asked) asked.over = true
  }

  async begin(): Promise<void> {
    const asked = this.one()
    const promotion = (await this.house.api.requests.get(asked.id))?.promotion
    if (promotion == null) return
    const { id: promotionId, attempt } = promotion
    const job = { promotionId, attempt, worker: `w${this.dice.below(2)}`, leaseMs: 60_000 }
    const begun = await this.house.worker.runs.begin(job)
    if (begun.state !== 'running') return
    // What starts has its tests: the newest word on it is PASSED, at this moment.
    assert.deepEqual([asked.over, this.failed.has(asked.digest)], [false, false])
    assert.ok(asked.yes.size >= asked.quorum)
    this.runs.push({ run: begun.run, asked })
  }

  /** By the worker that began it, which may be long past. */
  async commit(): Promise<void> {
    const { worker } = this.house
    if (this.runs.length === 0) return
    const { run, asked } = this.dice.below(3) > 0 ? this.runs.at(-1)! : this.dice.pick(this.runs)
    try {
      await this.scene.stageAll(run)
      await worker.runs.commit(run)
    } catch (error) {
      if (!(error instanceof StoreError)) throw error
      if (error.code !== 'fenced') {
        await worker.runs.fail(run, { code: error.code, message: error.message })
        asked.over = true
        return
      }
      throw error
    }
    this.landed++
    assert.equal(asked.over, false)
    assert.ok(asked.yes.size >= asked.quorum)
    asked.over = true
  }

  /** Rows that must not be there. */
  async holds(): Promise<void> {
    const wrong = await this.scene.sql(
      `with mine as (select r.* from request r where r.lane_id = $1), run as (
         select p.* from promotion p join mine r on r.id = p.request_id)
       select 4 as invariant, request_id::text as what from run where state <> 'CANCELLED'
         group by request_id having count(*) > 1
       union all select 4, promotion_id::text from admission where promotion_id in (select id from run)
         group by promotion_id having count(*) > 1
       union all select 4, id::text from run where (state = 'SUCCEEDED')::int <> (
         select count(*) from audit_entry e where e.type = 'promotion.succeeded'
           and e.subjects @> array['promotion:' || run.id])
       union all select 5, request_id::text from approval a join mine r on r.id = a.request_id
         where a.revoked_at is null group by request_id, person_id having count(*) > 1
       union all select 5, a.id::text from approval a join mine r on r.id = a.request_id
         where a.decision = 'approve' and a.person_id = any (r.requester_persons)
       union all select 5, p.id::text from run p join mine r on r.id = p.request_id
         join lane_version v on v.lane_id = r.lane_id and v.version = r.lane_version
         where p.state = 'SUCCEEDED' and v.quorum > (select count(distinct a.person_id) from approval a
           where a.request_id = r.id and a.decision = 'approve' and a.revoked_at is null
             and a.bound_hash = r.bound_hash)
       union all select 8, p.id::text from run p join mine r on r.id = p.request_id
         where r.state <> 'APPROVED' and p.state in ('QUEUED', 'RUNNING', 'ERRORED')
       union all select 10, t.digest from tag t join repository o on o.id = t.repository_id
         where o.feed_id = $2 and not exists (select from run p join request_item i on i.request_id = p.request_id
           join request_target g on g.request_id = i.request_id and g.position = i.position
           where p.state = 'SUCCEEDED' and i.digest = t.digest and g.tag = t.name)
       union all select 10, m.digest from repository_manifest m join repository o on o.id = m.repository_id
         where o.feed_id = $2 and not exists (select from admission a where a.id = m.admission_id
           and a.promotion_id in (select id from run where state = 'SUCCEEDED'))`,
      [this.scene.laneId, this.scene.trusted.id],
    )
    assert.deepEqual(wrong, [])
  }
}

let house: House
beforeAll(async () => {
  house = await openHouse()
})
afterAll(() => house.close())

test(`invariants 4, 5, 8 and 10 hold after every step of ${HISTORIES} histories, seed ${SEED}`, {
  timeout: 240_000,
}, async () => {
  const dice = chance(SEED)
  const sum = { landed: 0, refused: 0 }
  for (let i = 0; i < HISTORIES; i++) {
    const scene = await setScene(house, { ...policyOf(1), tagRules: {} })
    const history = new History(house, scene, dice)
    await history.push()
    for (let at = 0; at < STEPS; at++) {
      await history.step()
      await history.holds()
    }
    sum.landed += history.landed
    sum.refused += history.refused
  }
  // Histories land and are refused, or the invariants would hold for nothing.
  expect(sum.landed).toBeGreaterThan(3)
  expect(sum.refused).toBeGreaterThan(HISTORIES)
})
