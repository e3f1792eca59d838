import { Link } from '@tanstack/react-router'
import { Digest } from '../parts/copy.tsx'
import { usePages } from '../parts/paging.ts'
import { Await, Empty } from '../parts/states.tsx'
import { Age, Moment } from '../parts/time.tsx'
import { useStanding } from '../recall/queries.ts'
import { placeOf } from '../recall/reach.ts'
import { RecalledChip } from '../recall/recalled-chip.tsx'
import { client } from '../session/client.ts'
import { GoBack } from './go-back.tsx'

/** Every move of a tag, the newest first. */
export function TagLife({ feed, repository, tag }: { feed: string; repository: string; tag: string }) {
  const { list, more } = usePages(['tag-life', feed, repository, tag], (page) =>
    client().listTagHistory({ params: { feed }, query: { repository, tag, ...page } }),
  )
  const standing = useStanding()
  return (
    <Await query={list}>
      {(moves) =>
        moves.length === 0 ? (
          <Empty title="This tag was never set here" />
        ) : (
          <>
            <ol className="timeline">
              {moves.map(({ at, from, to, by, promotion, request }, position) => (
                <li key={`${at} ${to}`}>
                  <span className="row">
                    {to === null ? <strong>removed</strong> : <Digest digest={to} link />}
                    {to !== null && <RecalledChip recall={standing.get(placeOf(feed, repository, to))} />}
                    {from !== null && to !== null && (
                      <span className="row soft small">
                        before: <Digest digest={from} link />
                      </span>
                    )}
                  </span>
                  <span className="soft small breaks">
                    <Moment at={at} /> (<Age at={at} />)
                    {request !== null ? (
                      <>
                        {' '}
                        by{' '}
                        <Link to="/requests/$id" params={{ id: request }} search={{}}>
                          this request
                        </Link>
                      </>
                    ) : promotion !== null ? (
                      ' by a promotion'
                    ) : (
                      by !== null && ` by ${by}`
                    )}
                  </span>
                  {position > 0 && to !== null && to !== moves[0]?.to && (
                    <GoBack feed={feed} repository={repository} tag={tag} digest={to} at={at} />
                  )}
                </li>
              ))}
            </ol>
            {more.has && (
              <div className="state">
                <button type="button" className="button" disabled={more.loading} onClick={more.load}>
                  Earlier moves
                </button>
              </div>
            )}
          </>
        )
      }
    </Await>
  )
}
