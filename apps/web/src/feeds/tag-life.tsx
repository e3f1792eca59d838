import { Link } from '@tanstack/react-router'
import { Digest } from '../parts/copy.tsx'
import { usePages } from '../parts/paging.ts'
import { Await, Empty } from '../parts/states.tsx'
import { Age, Moment } from '../parts/time.tsx'
import { client } from '../session/client.ts'

/** Every move of a tag, the newest first. */
export function TagLife({ feed, repository, tag }: { feed: string; repository: string; tag: string }) {
  const { list, more } = usePages(['tag-life', feed, repository, tag], (page) =>
    client().listTagHistory({ params: { feed }, query: { repository, tag, ...page } }),
  )
  return (
    <Await query={list}>
      {(moves) =>
        moves.length === 0 ? (
          <Empty title="This tag was never set here" />
        ) : (
          <>
            <ol className="timeline">
              {moves.map(({ at, from, to, by, promotion }) => (
                <li key={`${at} ${to}`}>
                  <span className="row">
                    {to === null ? <strong>removed</strong> : <Digest digest={to} link />}
                    {from !== null && to !== null && (
                      <span className="row soft small">
                        before: <Digest digest={from} link />
                      </span>
                    )}
                  </span>
                  <span className="soft small breaks">
                    <Moment at={at} /> (<Age at={at} />)
                    {promotion !== null ? (
                      <>
                        {' '}
                        by promotion of{' '}
                        <Link to="/history" search={to === null ? {} : { digest: to }}>
                          this digest
                        </Link>
                      </>
                    ) : (
                      by !== null && ` by ${by}`
                    )}
                  </span>
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
