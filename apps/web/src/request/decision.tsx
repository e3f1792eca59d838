import type { Request } from '@sluice/contract'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { Chip } from '../parts/chip.tsx'
import { Panel } from '../parts/page.tsx'
import { Refused } from '../parts/states.tsx'
import { Age, Moment } from '../parts/time.tsx'
import { client } from '../session/client.ts'
import { may, useMe } from '../session/me.ts'
import { DecisionDialog } from './decision-dialog.tsx'
import { gateName } from './gates.tsx'
import { keepRequest } from './query.ts'
import { standing, whyNot } from './standing.ts'

/** Approvals so far, who may still decide, and this person's own decision. */
export function Decision({ request }: { request: Request }) {
  const me = useMe()
  const [asks, setAsks] = useState<'approve' | 'reject' | null>(null)
  const open = request.state === 'PENDING'
  const { needed, approvals } = standing(request)
  const reason = whyNot(request, me)
  const mine = approvals.some(({ person, decision }) => person === me.name && decision === 'approve')
  const runs = request.promotion?.state === 'RUNNING'
  const revocable = mine && (open || (request.state === 'APPROVED' && request.promotion?.state === 'QUEUED'))
  return (
    <Panel
      id="decision"
      title="Decision"
      aside={
        needed !== null &&
        request.kind !== 'break-glass' && (
          <span className="soft small">
            {approvals.filter(({ decision }) => decision === 'approve').length} of {needed} approvals
          </span>
        )
      }
    >
      <div className="stack">
        {request.kind === 'break-glass' ? (
          <p className="soft">Let through by {request.requester} alone.</p>
        ) : (
          <Approvals request={request} />
        )}
        {open && <StillMay request={request} />}
        {open && (
          <p className="small soft">
            Expires <Age at={request.expiresAt} />
          </p>
        )}
        {open && <Against gates={request.gates} />}
        {open && reason === null && (
          <div className="row decide">
            <button type="button" className="button primary" onClick={() => setAsks('approve')}>
              Approve …
            </button>
            <button type="button" className="button danger" onClick={() => setAsks('reject')}>
              Reject …
            </button>
          </div>
        )}
        {open && reason !== null && <p className="notice small">{reason}</p>}
        <div className="row">
          {revocable && <Command request={request} words="Take my approval back" run="revokeApproval" />}
          {(open || request.state === 'APPROVED') && cancellable(request, me) && !runs && (
            <Command request={request} words="Cancel the request" run="cancelRequest" />
          )}
          {request.promotion?.state === 'ERRORED' && may(me, 'request', request.lane.to) && (
            <Command request={request} words="Retry the promotion" run="retryRequest" />
          )}
        </div>
      </div>
      <DecisionDialog request={request} asks={asks} onClose={() => setAsks(null)} />
    </Panel>
  )
}

/** What an approval would not be enough for, in one line; the list of gates says why. */
function Against({ gates }: Pick<Request, 'gates'>) {
  const named = (verdict: 'block' | 'wait') =>
    gates
      .filter((gate) => gate.verdict === verdict && gate.gate !== 'quorum')
      .map(({ gate }) => gateName(gate))
      .join(', ')
  const [blocks, waits] = [named('block'), named('wait')]
  if (blocks === '' && waits === '') return null
  return (
    <p className={`notice small ${blocks === '' ? 'wait' : 'bad'}`}>
      {blocks !== '' && <span>Blocked by: {blocks}. </span>}
      {waits !== '' && <span>Waits for: {waits}.</span>}
    </p>
  )
}

function cancellable({ requester, lane, promotion }: Request, me: ReturnType<typeof useMe>): boolean {
  const own = requester === me.name || requester === `robot:${me.name}`
  const undone = promotion === null || promotion.state === 'QUEUED' || promotion.state === 'ERRORED'
  return undone && (own || may(me, 'admin', lane.to))
}

function Command({
  request: { id },
  words,
  run,
}: {
  request: Request
  words: string
  run: 'revokeApproval' | 'cancelRequest' | 'retryRequest'
}) {
  const queries = useQueryClient()
  const command = useMutation({
    mutationFn: () => client()[run]({ params: { id } }),
    onSuccess: (answer) => keepRequest(queries, answer),
  })
  return (
    <>
      <button
        type="button"
        className="button small"
        disabled={command.isPending}
        onClick={() => command.mutate()}
      >
        {words}
      </button>
      <Refused error={command.error} />
    </>
  )
}

function Approvals({ request: { approvals } }: { request: Request }) {
  if (approvals.length === 0) return <p className="soft">Nobody has decided yet.</p>
  return (
    <ul className="approvals">
      {approvals.map(({ person, decision, comment, at, revokedAt }) => (
        <li key={`${person} ${at}`}>
          <div className="row between">
            <strong className="breaks">{person}</strong>
            {revokedAt !== null ? (
              <Chip tone="neutral">Taken back</Chip>
            ) : (
              <Chip tone={decision === 'approve' ? 'good' : 'bad'}>
                {decision === 'approve' ? 'Approved' : 'Rejected'}
              </Chip>
            )}
          </div>
          {comment !== null && comment !== '' && <p className="breaks comment">{comment}</p>}
          <p className="soft small">
            <Moment at={at} />
            {revokedAt !== null && (
              <>
                , taken back <Moment at={revokedAt} />
              </>
            )}
          </p>
        </li>
      ))}
    </ul>
  )
}

/** Grants are read by administrators of the feed; to others the rule itself is told. */
function StillMay({ request }: { request: Request }) {
  const me = useMe()
  const feed = request.lane.to
  const reads = may(me, 'admin', feed)
  const grants = useQuery({
    queryKey: ['grants', feed],
    queryFn: () => client().getGrants({ params: { feed } }),
    enabled: reads,
  })
  const decided = new Set(standing(request).approvals.map(({ person }) => `user:${person}`))
  const open = (grants.data?.items ?? [])
    .filter(({ verbs }) => verbs.includes('approve'))
    .map(({ principal }) => principal)
    .filter((principal) => principal !== `user:${request.requester}` && !decided.has(principal))
    .filter((principal) => !principal.startsWith('robot:'))
  if (!reads || grants.data === undefined) {
    return (
      <p className="small soft">
        May still decide: whoever has the grant <code>approve</code> on {feed}, but not {request.requester}.
      </p>
    )
  }
  if (open.length === 0) {
    return (
      <p className="notice wait small">
        Nobody else has the grant <code>approve</code> on {feed}: this cannot be approved.
      </p>
    )
  }
  return (
    <p className="small soft breaks">
      May still decide:{' '}
      {open.map((principal) => principal.replace(/^user:/, '').replace(/^group:/, 'group ')).join(', ')}
    </p>
  )
}
