import type { Feed, Lane, Stage } from '@sluice/contract'
import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import { Fragment } from 'react'
import { Chip } from '../parts/chip.tsx'
import { TextField } from '../parts/field.tsx'
import { PageHead } from '../parts/page.tsx'
import { usePages } from '../parts/paging.ts'
import { Await, Empty } from '../parts/states.tsx'
import { Age } from '../parts/time.tsx'
import { useStanding } from '../recall/queries.ts'
import { placeOf } from '../recall/reach.ts'
import { RecalledChip } from '../recall/recalled-chip.tsx'
import { client } from '../session/client.ts'
import { may, useMe } from '../session/me.ts'
import { imagesBehind, newestIn } from './behind.ts'
import { FeedTabs } from './feed-tabs.tsx'
import { feedsQuery, lanesQuery } from './queries.ts'
import { inOrder } from './stage-order.ts'

const ROWS = 50

/** Which version of each image stands in which feed, along the lanes. */
export function Stages() {
  const me = useMe()
  const { find = '' } = useSearch({ from: '/shell/stages' })
  const feeds = useQuery(feedsQuery)
  const lanes = useQuery(lanesQuery)
  const { list, more } = usePages(
    ['stages', { find }],
    (page) => client().listStages({ query: { ...(find !== '' && { find }), ...page } }),
    { limit: ROWS },
  )
  const readable = inOrder(
    (feeds.data ?? []).filter(({ name }) => may(me, 'pull', name)),
    lanes.data ?? [],
  )
  return (
    <>
      <PageHead title="What stands where">
        <p>The newest version of each image in each feed, from left to right along the lanes.</p>
      </PageHead>
      <FeedTabs />
      <Await query={{ ...list, error: feeds.error ?? list.error }}>
        {(stages) =>
          stages.length === 0 && find === '' ? (
            <div className="panel">
              <Empty title="Nothing was pushed yet" />
            </div>
          ) : (
            <Matrix stages={stages} more={more} feeds={readable} lanes={lanes.data ?? []} />
          )
        }
      </Await>
    </>
  )
}

type Along = { readonly feeds: readonly Feed[]; readonly lanes: readonly Lane[] }

function Matrix({
  stages,
  more,
  feeds,
  lanes,
}: Along & { stages: readonly Stage[]; more: ReturnType<typeof usePages>['more'] }) {
  const { find = '' } = useSearch({ from: '/shell/stages' })
  const navigate = useNavigate({ from: '/stages' })
  return (
    <>
      <search className="filters">
        <TextField
          label="Find"
          type="search"
          placeholder="repository"
          value={find}
          onChange={(event) =>
            void navigate({
              search: event.target.value === '' ? {} : { find: event.target.value },
              replace: true,
            })
          }
        />
        <Behind stages={stages} lanes={lanes} />
      </search>
      {/* Wider than a phone: it scrolls by itself, also by keyboard. */}
      <section className="scrolls" aria-label="Versions by feed" tabIndex={0}>
        <table className="matrix feeds">
          <thead>
            <tr>
              <th scope="col">Image</th>
              {feeds.map(({ id, name, trusted }) => (
                <th key={id} scope="col">
                  <span className="row">
                    {name}
                    {trusted && <Chip tone="good">trusted</Chip>}
                  </span>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {stages.map((stage) => (
              <Row key={stage.repository} stage={stage} feeds={feeds} lanes={lanes} />
            ))}
          </tbody>
        </table>
      </section>
      {stages.length === 0 && <p className="lead soft">No repository of that name.</p>}
      {more.has && (
        <div className="state">
          <button type="button" className="button" disabled={more.loading} onClick={more.load}>
            More repositories
          </button>
        </div>
      )}
    </>
  )
}

/** What one may ask for at once: of each lane, all that is shown and stands further back in its second feed. */
function Behind({ stages, lanes }: { stages: readonly Stage[]; lanes: readonly Lane[] }) {
  const me = useMe()
  return lanes
    .filter(({ from, to }) => may(me, 'pull', from) && may(me, 'request', to))
    .map((lane) => ({ lane, images: imagesBehind(stages, lane) }))
    .filter(({ images }) => images.length > 0)
    .map(({ lane: { name, to }, images }) => (
      <Link key={name} to="/requests/new" search={{ lane: name, image: images }} className="button">
        Ask for {images.length} behind in {to} …
      </Link>
    ))
}

function Row({ stage, feeds, lanes }: Along & { stage: Stage }) {
  const { repository, places } = stage
  return (
    <tr>
      <th scope="row">
        {repository.split('/').map((part, at) => (
          <Fragment key={at}>
            {at > 0 && (
              <>
                /<wbr />
              </>
            )}
            {part}
          </Fragment>
        ))}
      </th>
      {feeds.map(({ id, name }) => (
        <td key={id}>
          {places.some(({ feed }) => feed === name) ? (
            <Cell stage={stage} feed={name} lanes={lanes} />
          ) : (
            <span className="soft">none</span>
          )}
        </td>
      ))}
    </tr>
  )
}

function Cell({ stage, feed, lanes }: { stage: Stage; feed: string; lanes: readonly Lane[] }) {
  const standing = useStanding()
  const { repository } = stage
  const newest = newestIn(stage, feed)
  if (newest === null) return <span className="soft">no tag</span>
  // What stands now in the feeds that lanes lead here from.
  const sources = [...new Set(lanes.filter(({ to }) => to === feed).map(({ from }) => from))].flatMap(
    (from) => {
      const there = newestIn(stage, from)
      return there === null ? [] : { from, same: there.digest === newest.digest }
    },
  )
  return (
    <span className="stack tight">
      <span className="row">
        <Link
          to="/feeds/$feed/repositories/$"
          params={{ feed, _splat: repository }}
          search={{ tag: newest.tag }}
          className="breaks"
        >
          {newest.tag}
        </Link>
        {sources.map(({ from, same }) => (
          <Chip key={from} tone={same ? 'good' : 'wait'} plain>
            {same ? 'as' : 'behind'} {from}
          </Chip>
        ))}
        <RecalledChip recall={standing.get(placeOf(feed, repository, newest.digest))} />
      </span>
      <span className="soft small">
        <Age at={newest.setAt} />
      </span>
    </span>
  )
}
