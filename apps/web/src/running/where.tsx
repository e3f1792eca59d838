import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { Chip } from '../parts/chip.tsx'
import { Digest } from '../parts/copy.tsx'
import { Panel } from '../parts/page.tsx'
import { Await, Empty } from '../parts/states.tsx'
import { Moment } from '../parts/time.tsx'
import { keyOf, whereQuery } from './queries.ts'

/** Which sites run a digest, as itself or as part of what it belongs to, and which did. */
export function WhereItRuns({ digest }: { digest: string }) {
  return (
    <Panel title="Where it runs" flush>
      <Await query={useQuery(whereQuery(digest))} lines={2}>
        {(running) =>
          running.length === 0 ? (
            <Empty title="No site says that it runs this">
              <p>
                Sites report what they run to <Link to="/running">Where it runs</Link>.
              </p>
            </Empty>
          ) : (
            <ul className="timeline">
              {running.map((one) => (
                <li key={keyOf(one)}>
                  <span className="row">
                    <Link to="/running/$site" params={{ site: one.site }} search={{}} className="breaks">
                      {one.site}
                    </Link>
                    {one.until !== null ? (
                      <Chip tone="neutral">Ended</Chip>
                    ) : (
                      <Chip tone={one.standing === 'recalled' ? 'bad' : 'good'}>Runs</Chip>
                    )}
                    {one.stale && <Chip tone="wait">Stale</Chip>}
                  </span>
                  <span className="soft small breaks">
                    Since <Moment at={one.since} />
                    {one.until !== null && (
                      <>
                        , until <Moment at={one.until} />
                      </>
                    )}
                    {one.images.length > 0 && `, as ${one.images.join(', ')}`}
                  </span>
                  {one.digest !== digest && (
                    <span className="row small">
                      Reported as <Digest digest={one.digest} link={one.repositories.length > 0} />
                    </span>
                  )}
                </li>
              ))}
            </ul>
          )
        }
      </Await>
    </Panel>
  )
}
