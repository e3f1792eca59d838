import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import {
  decideApproval,
  decideCancel,
  decideRevoke,
  decideStart,
  type Evidence,
  evaluateGates,
  type GateInput,
  PROMOTION_TRANSITIONS,
  type PromotionState,
  parsePolicy,
  REQUEST_TRANSITIONS,
  type RequestState,
  type StandingApproval,
} from './index.ts'

export const PINNED = `sha256:${'a'.repeat(64)}`
export const OTHER = `sha256:${'b'.repeat(64)}`
const PEM = generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'pem' }).toString()
const GROUPS: Readonly<Record<string, readonly string[]>> = { olga: ['qa'], otto: ['qa'] }
const REQUESTERS = ['rita', 'owner']
const HOURS = 3_600_000
const START = Date.parse('2026-03-01T12:00:00Z')

export type Step =
  | {
      readonly do: 'approve' | 'reject'
      readonly who: string
      readonly digest: string | null
      readonly robot: boolean
    }
  | { readonly do: 'revoke' | 'disable'; readonly who: string }
  | { readonly do: 'wait'; readonly hours: number }
  | { readonly do: 'moveSource' | 'moveTarget'; readonly to: string | null }
  | {
      readonly do: 'test'
      readonly result: 'PASSED' | 'FAILED'
      readonly from: string
      readonly digest: string
    }
  | { readonly do: 'cancel' | 'recall' | 'restore' | 'tamper' | 'start' | 'commit' | 'break' | 'retry' }

export interface Asked {
  readonly quorum: readonly object[]
  readonly pusher: boolean
  readonly soak: boolean
  readonly tests: boolean
}

interface Approval extends StandingApproval {
  readonly digest: string
}

/** The store in small: it gathers facts, asks the decisions, and does what they say. */
export class World {
  now = START
  state: RequestState = 'PENDING'
  readonly promotions: PromotionState[] = []
  approvals: Approval[] = []
  readonly disabled = new Set<string>()
  source: string | null = PINNED
  target: string | null = null
  recalled = false
  tampered = false
  readonly evidence: Evidence[] = []
  readonly landed: string[] = []
  /** How often the gate of tests was there to be asked, when something landed. */
  tested = 0
  readonly policy

  constructor({ quorum, pusher, soak, tests }: Asked) {
    this.policy = parsePolicy({
      gates: {
        quorum,
        ...(pusher && { pusher: 'excluded' }),
        ...(soak && { soak: { minutes: 600 } }),
        ...(tests && { tests: [{ from: ['key:ci'], maxAge: { hours: 24 } }] }),
      },
      keys: { ci: PEM },
      requestExpiresAfter: { hours: 48 },
    })
  }

  readonly expiresAt = new Date(START + 48 * HOURS)

  facts(): GateInput {
    return {
      policy: this.policy,
      now: new Date(this.now),
      kind: 'promote',
      recalls: this.recalled ? [{ source: 'app', digest: PINNED, feed: 'trusted', reason: 'CVE-1' }] : [],
      requesterPersons: REQUESTERS,
      pusherPersons: ['paul'],
      approvals: this.approvals.filter(({ personId }) => !this.disabled.has(personId)),
      tickets: [],
      items: [
        {
          source: `app@${PINNED}`,
          digest: PINNED,
          platforms: [{ platform: null, digest: PINNED }],
          targetTags: ['1.0.0'],
          pushedAt: new Date(START),
          evidence: this.evidence,
          unread: [],
          reached: [],
        },
      ],
    }
  }

  get promotion(): PromotionState | null {
    return this.promotions.at(-1) ?? null
  }

  go(to: PromotionState): void {
    const from = this.promotions.pop()
    if (from === undefined) throw new Error('there is no promotion')
    assert.ok(PROMOTION_TRANSITIONS[from].includes(to))
    this.promotions.push(to)
  }

  become(to: RequestState): void {
    assert.ok(REQUEST_TRANSITIONS[this.state].includes(to))
    this.state = to
  }

  take(step: Step): void {
    switch (step.do) {
      case 'approve':
      case 'reject':
        return this.decide(step)
      case 'revoke':
        return this.revoke(step.who)
      case 'disable':
        this.disabled.add(step.who)
        return
      case 'wait':
        this.now += step.hours * HOURS
        return
      case 'moveSource':
        this.source = step.to
        return
      case 'moveTarget':
        this.target = step.to
        return
      case 'test':
        return this.test(step)
      case 'recall':
      case 'restore':
        this.recalled = step.do === 'recall'
        return
      case 'tamper':
        this.tampered = true
        return
      case 'cancel': {
        const { cancelPromotion } = decideCancel(this.state, this.standing())
        if (cancelPromotion) this.go('CANCELLED')
        return this.become('CANCELLED')
      }
      case 'start':
        return this.start()
      case 'commit':
        return this.commit()
      case 'break':
        if (this.promotion === 'RUNNING') this.go('ERRORED')
        return
      case 'retry':
        if (this.promotion === 'ERRORED' && this.state === 'APPROVED') this.go('QUEUED')
    }
  }

  test({ result, from, digest }: Extract<Step, { result: string }>): void {
    const id = String(this.evidence.length).padStart(3, '0')
    const failed = result === 'FAILED' ? 1 : 0
    this.evidence.push({
      id,
      subject: digest,
      type: 'test',
      predicateType: null,
      contentDigest: id,
      claimedAt: null,
      receivedAt: new Date(this.now),
      from: [from],
      summary: { kind: 'test', result, passed: 1, warned: 0, failed, failedTests: [] },
    })
  }

  decide({ do: decision, who: personId, digest, robot }: Extract<Step, { robot: boolean }>): void {
    if (this.disabled.has(personId)) return
    const groups = GROUPS[personId] ?? []
    const { next } = decideApproval({
      request: { state: this.state, expiresAt: this.expiresAt, pinned: PINNED },
      decider: robot ? { kind: 'robot', personId: null, groups } : { kind: 'person', personId, groups },
      decision,
      digest: digest ?? '',
      comment: 'why',
      gates: this.facts(),
    })
    assert.equal(robot, false)
    this.approvals.push({ personId, groups, decision, digest: digest ?? '' })
    if (next === 'PENDING') return
    this.become(next)
    if (next === 'APPROVED') this.promotions.push('QUEUED')
  }

  standing() {
    return this.promotion === null ? null : { state: this.promotion, intended: false }
  }

  revoke(personId: string): void {
    const { cancelPromotion, reopen } = decideRevoke(this.state, this.standing())
    if (!this.approvals.some((approval) => approval.personId === personId)) return
    if (cancelPromotion) this.go('CANCELLED')
    this.approvals = this.approvals.filter((approval) => approval.personId !== personId)
    if (reopen) this.become('PENDING')
  }

  ask() {
    return decideStart({
      request: { state: this.state, expiresAt: this.expiresAt },
      now: new Date(this.now),
      bindingHolds: !this.tampered,
      gates: evaluateGates(this.facts()),
      targets: [{ repository: 'app', tag: '1.0.0', digest: PINNED, current: this.target, expected: null }],
      tagRules: {},
    })
  }

  start(): void {
    if (this.promotion !== 'QUEUED') return
    const answer = this.ask()
    if (answer.verdict === 'wait') return
    if (answer.verdict === 'run') return this.go('RUNNING')
    this.go('FAILED')
    if (answer.code === 'binding_mismatch') this.become('INVALIDATED')
    if (answer.code === 'request_expired') this.become('EXPIRED')
  }

  /** As `admit` does: under its locks everything is asked again. */
  commit(): void {
    if (this.promotion !== 'RUNNING') return
    if (this.ask().verdict !== 'run') return this.go('FAILED')
    this.go('SUCCEEDED')
    this.target = PINNED
    this.landed.push(PINNED)
    this.holdsWhenLanding()
  }

  /** Invariants 5, 8 and 10, at the moment when something is let in. */
  holdsWhenLanding(): void {
    const { quorum } = this.policy.gates
    const approvers = this.approvals.filter(
      ({ personId, decision }) => decision === 'approve' && !this.disabled.has(personId),
    )
    const persons = new Set(approvers.map(({ personId }) => personId))
    assert.equal(persons.size, approvers.length)
    assert.ok(persons.size >= quorum.reduce((sum, { count }) => sum + count, 0))
    assert.deepEqual(
      REQUESTERS.filter((one) => persons.has(one)),
      [],
    )
    if (this.policy.gates.pusher === 'excluded') assert.equal(persons.has('paul'), false)
    if (quorum.some(({ group }) => group === 'qa')) {
      assert.equal(
        approvers.some(({ groups }) => groups.includes('qa')),
        true,
      )
    }
    assert.equal(
      approvers.every(({ digest }) => digest === PINNED),
      true,
    )
    assert.deepEqual([this.state, this.recalled, this.tampered], ['APPROVED', false, false])
    assert.ok(this.now < this.expiresAt.getTime())
    if (this.policy.gates.soak !== undefined) assert.ok(this.now - START >= 10 * HOURS)
    if (this.policy.gates.tests !== undefined) {
      // The last word of the CI on this very digest, not of somebody who only sent something.
      const last = this.evidence
        .filter(({ subject, from }) => subject === PINNED && from.includes('key:ci'))
        .at(-1)
      assert.ok(last?.summary.kind === 'test' && last.summary.result === 'PASSED')
      assert.ok(this.now - last.receivedAt.getTime() <= 24 * HOURS)
      this.tested++
    }
  }

  holds(): void {
    // 4: one promotion at most is under way or done, and it lands once.
    assert.ok(this.promotions.filter((state) => state !== 'CANCELLED').length <= 1)
    assert.ok(this.landed.length <= 1)
    // 5: one person, one decision.
    assert.equal(new Set(this.approvals.map(({ personId }) => personId)).size, this.approvals.length)
    // 8: what is withdrawn has nothing under way.
    const open = this.promotions.some((state) => ['QUEUED', 'RUNNING', 'ERRORED'].includes(state))
    if (this.state !== 'APPROVED') assert.equal(open, false)
    // 10: whatever the source tag is now.
    assert.equal(
      this.landed.every((digest) => digest === PINNED),
      true,
    )
  }
}
