import type { Approval, Me, Request } from '@sluice/contract'
import { may } from '../session/me.ts'

/** The decisions that stand, and how many persons the quorum needs, where its gate says so. */
export function standing({ approvals, gates }: Pick<Request, 'approvals' | 'gates'>): {
  readonly needed: number | null
  readonly approvals: readonly Approval[]
} {
  const needed = gates.find(({ gate }) => gate === 'quorum')?.inputs['needed']
  return {
    needed: typeof needed === 'number' ? needed : null,
    approvals: approvals.filter(({ revokedAt }) => revokedAt === null),
  }
}

/** Why this person cannot decide, in words; null when the service would be asked. */
export function whyNot(request: Request, me: Me): string | null {
  const { lane, requester, approvals } = request
  if (me.kind === 'robot') return 'Robots decide nothing; a person does.'
  if (requester === me.name) return 'You asked for this; somebody else decides.'
  if (!may(me, 'approve', lane.to)) return `To decide, you need the grant approve on ${lane.to}.`
  const own = standing({ approvals, gates: [] }).approvals.find(({ person }) => person === me.name)
  return own === undefined ? null : 'You have decided.'
}
