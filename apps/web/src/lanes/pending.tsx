import type { Lane, LaneChange } from '@sluice/contract'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { Panel } from '../parts/page.tsx'
import { Refused } from '../parts/states.tsx'
import { Moment } from '../parts/time.tsx'
import { client } from '../session/client.ts'
import { useMe } from '../session/me.ts'
import { PolicyDiff } from './policy-diff.tsx'

const TITLES: Record<LaneChange['kind'], string> = {
  create: 'This lane is proposed',
  put: 'A change is proposed',
  remove: 'The removal of this lane is proposed',
}

/** What one administrator proposed and another has to confirm. */
export function Pending({
  lane,
  change,
  administers,
}: {
  lane: Lane
  change: LaneChange
  administers: boolean
}) {
  const me = useMe()
  const queries = useQueryClient()
  const navigate = useNavigate()
  const params = { lane: lane.name, id: change.id }
  const settle = useMutation({
    mutationFn: async (verdict: 'confirm' | 'withdraw') => {
      if (verdict === 'confirm') await client().confirmLaneChange({ params })
      else await client().withdrawLaneChange({ params })
      return verdict
    },
    onSuccess: async (verdict) => {
      const gone = verdict === 'confirm' ? change.kind === 'remove' : change.kind === 'create'
      if (gone) await navigate({ to: '/lanes' })
      await Promise.all(
        ['lane', 'lanes', 'lane-versions'].map((key) => queries.invalidateQueries({ queryKey: [key] })),
      )
    },
  })
  return (
    <Panel title={TITLES[change.kind]}>
      <div className="stack">
        <p className="breaks">
          By {change.by}, <Moment at={change.at} />. It holds once another administrator confirms it.
          {change.invalidate && ' It ends the open requests made under older versions.'}
        </p>
        <PolicyDiff before={lane.version === 0 ? null : lane.policy} after={change.policy} />
        <Refused error={settle.error} />
        {administers && (
          <div className="row">
            {change.by !== me.name && (
              <button
                type="button"
                className="button primary"
                disabled={settle.isPending}
                onClick={() => settle.mutate('confirm')}
              >
                Confirm
              </button>
            )}
            <button
              type="button"
              className="button"
              disabled={settle.isPending}
              onClick={() => settle.mutate('withdraw')}
            >
              Withdraw
            </button>
          </div>
        )}
      </div>
    </Panel>
  )
}
