import type { Lane } from '@sluice/contract'
import { Panel } from '../parts/page.tsx'
import { usePages } from '../parts/paging.ts'
import { Await } from '../parts/states.tsx'
import { Moment } from '../parts/time.tsx'
import { client } from '../session/client.ts'
import { PolicyDiff } from './policy-diff.tsx'

/** Every version of a lane, the latest first, each with what it changed. */
export function Versions({ lane: { name } }: { lane: Lane }) {
  const { list, more } = usePages(['lane-versions', name], (page) =>
    client().listLaneVersions({ params: { lane: name }, query: page }),
  )
  return (
    <Panel title="Versions" flush>
      <Await query={list} lines={2}>
        {(versions) => (
          <>
            <ol className="timeline">
              {versions.map(({ version, policy, by, at, confirmedBy }, position) => {
                const older = versions[position + 1]
                return (
                  <li key={version}>
                    <span className="breaks">
                      <strong>Version {version}</strong> by {by}
                      {confirmedBy !== null && `, confirmed by ${confirmedBy}`}
                    </span>
                    <span className="soft small">
                      <Moment at={at} />
                    </span>
                    {older !== undefined && (
                      <details>
                        <summary className="small soft">What it changed</summary>
                        <PolicyDiff before={older.policy} after={policy} />
                      </details>
                    )}
                  </li>
                )
              })}
            </ol>
            {more.has && (
              <div className="state">
                <button type="button" className="button" disabled={more.loading} onClick={more.load}>
                  Earlier versions
                </button>
              </div>
            )}
          </>
        )}
      </Await>
    </Panel>
  )
}
