import { immutableConflicts, refusedTargets, type TargetTag } from './creation.ts'
import { blockedBy, reasonsOf } from './evaluate.ts'
import type { GateReport } from './gates/gate.ts'
import type { RequestState } from './states.ts'
import type { TagRules } from './tag-rules.ts'

export interface StartInput {
  readonly request: { readonly state: RequestState; readonly expiresAt: Date }
  readonly now: Date
  /** Do the rows still hash to what was approved, computed here and by Postgres? */
  readonly bindingHolds: boolean
  readonly gates: readonly GateReport[]
  readonly targets: readonly (TargetTag & { readonly expected: string | null })[]
  readonly tagRules: TagRules
}

/** Why a promotion does not start; each ends it as FAILED. */
export type StartRefusal =
  | 'request_state'
  | 'request_expired'
  | 'binding_mismatch'
  | 'gate_refused'
  | 'quorum_missing'
  | 'tag_exists'
  | 'tag_not_permitted'
  | 'target_moved'

export type Start =
  | { readonly verdict: 'run' }
  | { readonly verdict: 'wait'; readonly until: Date; readonly why: string }
  | { readonly verdict: 'refuse'; readonly code: StartRefusal; readonly message: string }

/** Everything an approval rests on, looked at again when the promotion starts: facts can go stale. */
export function decideStart(input: StartInput): Start {
  const { request, now, gates } = input
  if (request.state !== 'APPROVED') return refuse('request_state', `the request is ${request.state}`)
  if (request.expiresAt.getTime() <= now.getTime()) {
    return refuse('request_expired', `the request expired at ${request.expiresAt.toISOString()}`)
  }
  if (!input.bindingHolds) return refuse('binding_mismatch', 'the request is not what was approved')
  const blocked = blockedBy(gates)
  if (blocked.length > 0) return refuse('gate_refused', reasonsOf(blocked))
  const waiting = gates.filter(({ verdict }) => verdict === 'wait')
  const stuck = waiting.filter(({ until }) => until === null)
  if (stuck.length > 0) {
    const onQuorum = stuck.every(({ gate }) => gate === 'quorum')
    return refuse(onQuorum ? 'quorum_missing' : 'gate_refused', reasonsOf(stuck))
  }
  const moved = refuseTargets(input)
  if (moved !== null) return moved
  if (waiting.length > 0) {
    const until = new Date(Math.max(...waiting.map(({ until }) => Date.parse(until ?? ''))))
    return { verdict: 'wait', until, why: reasonsOf(waiting) }
  }
  return { verdict: 'run' }
}

function refuseTargets({ targets, tagRules }: StartInput): Start | null {
  const moved = targets.find(({ current, expected, digest }) => current !== digest && current !== expected)
  if (moved !== undefined) {
    const { repository, tag, current, expected } = moved
    return refuse(
      'target_moved',
      `${repository}:${tag} points at ${current ?? 'nothing'}; when the request was made it pointed at ${expected ?? 'nothing'}`,
    )
  }
  const [unfit] = refusedTargets(targets, tagRules)
  if (unfit !== undefined) return refuse('tag_not_permitted', `${unfit.repository}: ${unfit.message}`)
  const [held] = immutableConflicts(targets, tagRules)
  if (held === undefined) return null
  return refuse(
    'tag_exists',
    `${held.repository}:${held.tag} is ${held.current} and immutable (${held.rule})`,
  )
}

function refuse(code: StartRefusal, message: string): Start {
  return { verdict: 'refuse', code, message }
}
