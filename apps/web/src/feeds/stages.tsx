import type { Feed, Lane, Tag } from '@sluice/contract'
import { useQueries, useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import { Fragment, useMemo, useState } from 'react'
import { Chip } from '../parts/chip.tsx'
import { TextField } from '../parts/field.tsx'
import { PageHead } from '../parts/page.tsx'
import { allPages } from '../parts/paging.ts'
import { Await, Empty } from '../parts/states.tsx'
import { Age } from '../parts/time.tsx'
import { useStanding } from '../recall/queries.ts'
import { placeOf } from '../recall/reach.ts'
import { RecalledChip } from '../recall/recalled-chip.tsx'
import { client } from '../session/client.ts'
import { may, useMe } from '../session/me.ts'
import { FeedTabs } from './feed-tabs.tsx'
import { feedsQuery, lanesQuery, newestQuery } from './queries.ts'
import { inOrder } from './stage-order.ts'

const ROWS = 25

/** Which version of each image stands in which feed, along the lanes. */
export function Stages() {
  const me = useMe()
  const feeds = useQuery(feedsQuery)
  const lanes = useQuery(lanesQuery)
  const readable = inOrder(
    (feeds.data ?? []).filter(({ name }) => may(me, 'pull', name)),
    lanes.data ?? [],
  )
  const repositories = useQuery({
    queryKey: ['repositories', 'of', readable.map(({ name }) => name)],
    enabled: feeds.data !== undefined,
    queryFn: async () => {
      const lists = await Promise.all(
        readable.map(({ name }) =>
          allPages((page) => client().listRepositories({ params: { feed: name }, query: page })),
        ),
      )
      return new Map(readable.map(({ name }, at) => [name, new Set(lists[at]?.map((one) => one.name))]))
    },
  })
  return (
    <>
      <PageHead title="What stands where">
        <p>The newest version of each image in each feed, from left to right along the lanes.</p>
      </PageHead>
      <FeedTabs />
      <Await query={{ ...repositories, error: feeds.error ?? repositories.error }}>
        {(held) =>
          [...held.values()].every(({ size }) => size === 0) ? (
            <div className="panel">
              <Empty title="Nothing was pushed yet" />
            </div>
          ) : (
            <Matrix held={held} feeds={readable} lanes={lanes.data ?? []} />
          )
        }
      </Await>
    </>
  )
}

type Along = {
  /** The repositories of each feed: nobody is asked for what is not there. */
  readonly held: ReadonlyMap<string, ReadonlySet<string>>
  readonly feeds: readonly Feed[]
  readonly lanes: readonly Lane[]
}

function Matrix({ held, feeds, lanes }: Along) {
  const { find = '' } = useSearch({ from: '/shell/stages' })
  const navigate = useNavigate({ from: '/stages' })
  const [rows, setRows] = useState(ROWS)
  const names = useMemo(() => [...new Set([...held.values()].flatMap((set) => [...set]))].sort(), [held])
  const found = names.filter((name) => name.includes(find.toLowerCase()))
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
            {found.slice(0, rows).map((name) => (
              <Row key={name} repository={name} held={held} feeds={feeds} lanes={lanes} />
            ))}
          </tbody>
        </table>
      </section>
      {found.length === 0 && <p className="lead soft">No repository of that name.</p>}
      {found.length > rows && (
        <div className="state">
          <button type="button" className="button" onClick={() => setRows(rows + ROWS)}>
            {ROWS} more of {found.length - rows}
          </button>
        </div>
      )}
    </>
  )
}

function Row({ repository, held, feeds, lanes }: Along & { repository: string }) {
  const cells = useQueries({
    queries: feeds.map(({ name }) => ({
      ...newestQuery(name, repository),
      enabled: held.get(name)?.has(repository) === true,
    })),
  })
  const newest = new Map(feeds.map(({ name }, at) => [name, cells[at]?.data]))
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
          {held.get(name)?.has(repository) === true ? (
            <Cell
              feed={name}
              repository={repository}
              tag={newest.get(name)}
              sources={lanes
                .filter(({ to }) => to === name)
                .flatMap(({ from }) => {
                  const tag = newest.get(from)
                  return tag == null ? [] : [{ feed: from, digest: tag.digest }]
                })}
            />
          ) : (
            <span className="soft">none</span>
          )}
        </td>
      ))}
    </tr>
  )
}

type Standing = Pick<Tag, 'tag' | 'digest' | 'pushedAt'>

function Cell({
  feed,
  repository,
  tag,
  sources,
}: {
  feed: string
  repository: string
  tag: Standing | null | undefined
  /** What stands now in the feeds that lanes lead here from. */
  sources: readonly { feed: string; digest: string }[]
}) {
  const standing = useStanding()
  if (tag === undefined) return <span className="soft">…</span>
  if (tag === null) return <span className="soft">no tag</span>
  return (
    <span className="stack tight">
      <span className="row">
        <Link
          to="/feeds/$feed/repositories/$"
          params={{ feed, _splat: repository }}
          search={{ tag: tag.tag }}
          className="breaks"
        >
          {tag.tag}
        </Link>
        {sources.map((source) => (
          <Chip key={source.feed} tone={source.digest === tag.digest ? 'good' : 'wait'} plain>
            {source.digest === tag.digest ? 'as' : 'behind'} {source.feed}
          </Chip>
        ))}
        <RecalledChip recall={standing.get(placeOf(feed, repository, tag.digest))} />
      </span>
      <span className="soft small">
        <Age at={tag.pushedAt} />
      </span>
    </span>
  )
}
