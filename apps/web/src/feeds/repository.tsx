import type { Tag } from '@sluice/contract'
import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router'
import { useState } from 'react'
import { formatSize } from '../format/size.ts'
import { Chip } from '../parts/chip.tsx'
import { Copy, Digest } from '../parts/copy.tsx'
import { TextField } from '../parts/field.tsx'
import { PageHead, Panel } from '../parts/page.tsx'
import { usePages } from '../parts/paging.ts'
import { Await, Empty } from '../parts/states.tsx'
import { type Column, Table } from '../parts/table.tsx'
import { Age } from '../parts/time.tsx'
import { useStanding } from '../recall/queries.ts'
import { placeOf } from '../recall/reach.ts'
import { RecallDialog, type Recalled } from '../recall/recall-dialog.tsx'
import { RecalledChip } from '../recall/recalled-chip.tsx'
import { AskDialog } from '../request/ask-dialog.tsx'
import { client, statusOf } from '../session/client.ts'
import { may, useMe } from '../session/me.ts'
import { feedsQuery, lanesQuery } from './queries.ts'
import { TagLife } from './tag-life.tsx'

export function Repository() {
  const { feed, _splat: repository = '' } = useParams({ from: '/shell/feeds/$feed/repositories/$' })
  const { tag, find = '' } = useSearch({ from: '/shell/feeds/$feed/repositories/$' })
  const navigate = useNavigate({ from: '/feeds/$feed/repositories/$' })
  const { list, more } = usePages(['tags', feed, repository, { find }], (page) =>
    client()
      .listTags({
        params: { feed },
        query: { repository, order: 'desc', ...(find !== '' && { find }), ...page },
      })
      .catch((error: unknown) => {
        if (statusOf(error) === 404) return { items: [], next: null }
        throw error
      }),
  )
  return (
    <>
      <PageHead
        title={repository}
        crumbs={[
          <Link key="feeds" to="/feeds">
            Feeds
          </Link>,
          <Link key="feed" to="/feeds/$feed" params={{ feed }} search={{}}>
            {feed}
          </Link>,
        ]}
      />
      <div className="stack">
        {tag !== undefined && (
          <Panel
            title={`The life of ${tag}`}
            flush
            aside={
              <Link
                from="/feeds/$feed/repositories/$"
                to="."
                search={({ find }) => (find === undefined ? {} : { find })}
                className="button small quiet"
              >
                Close
              </Link>
            }
          >
            <TagLife feed={feed} repository={repository} tag={tag} />
          </Panel>
        )}
        <div>
          <search className="filters">
            <TextField
              label="Find"
              type="search"
              placeholder="part of a tag, or a digest"
              value={find}
              onChange={(event) =>
                void navigate({
                  search: {
                    ...(tag !== undefined && { tag }),
                    ...(event.target.value !== '' && { find: event.target.value }),
                  },
                  replace: true,
                  resetScroll: false,
                })
              }
            />
          </search>
          <Await query={list}>
            {(tags) =>
              tags.length > 0 ? (
                <TagTable feed={feed} repository={repository} tags={tags} more={more} />
              ) : (
                <div className="panel">
                  {find !== '' ? (
                    <Empty title="No tag matches" />
                  ) : (
                    <Empty title="No tags here">
                      <p>There is no repository of this name in {feed}, or it holds images by digest only.</p>
                    </Empty>
                  )}
                </div>
              )
            }
          </Await>
        </div>
      </div>
    </>
  )
}

function TagTable({
  feed,
  repository,
  tags,
  more,
}: {
  feed: string
  repository: string
  tags: readonly Tag[]
  more: ReturnType<typeof usePages>['more']
}) {
  const me = useMe()
  const lanes = useQuery(lanesQuery)
  const [asked, setAsked] = useState<string | null>(null)
  const standing = useStanding()
  const [recalled, setRecalled] = useState<Recalled | null>(null)
  const trusted = useQuery(feedsQuery).data?.some(({ name, trusted }) => name === feed && trusted) === true
  const open = (lanes.data ?? []).filter(
    ({ from, to }) => from === feed && (may(me, 'request', to) || may(me, 'break-glass', to)),
  )
  const recalls = trusted && may(me, 'recall', feed)
  const columns: readonly Column<Tag>[] = [
    {
      head: 'Tag',
      width: 'minmax(0, 1.6fr)',
      named: false,
      cell: ({ tag, digest, virtual }) => (
        <span className="row">
          {virtual ? (
            <strong className="breaks">{tag}</strong>
          ) : (
            <Link
              from="/feeds/$feed/repositories/$"
              to="."
              search={(now) => ({ ...now, tag })}
              activeProps={{}}
              className="main"
              title="Every move of this tag"
            >
              {tag}
            </Link>
          )}
          {virtual && (
            <Chip tone="neutral" plain>
              follows versions
            </Chip>
          )}
          <RecalledChip recall={standing.get(placeOf(feed, repository, digest))} />
        </span>
      ),
    },
    { head: 'Digest', width: '210px', cell: ({ digest }) => <Digest digest={digest} link /> },
    {
      head: 'Platforms',
      width: 'minmax(0, 1fr)',
      cell: ({ platforms }) => <span className="small soft breaks">{platforms.join(', ') || 'single'}</span>,
    },
    {
      head: 'Size',
      width: '80px',
      end: true,
      cell: ({ size }) => <span className="number">{size === null ? '' : formatSize(size)}</span>,
    },
    {
      head: 'Set',
      width: 'minmax(0, 1fr)',
      cell: ({ pushedAt, pushedBy, promotion }) => (
        <span className="small breaks">
          <Age at={pushedAt} />{' '}
          <span className="soft">
            {promotion !== null ? 'by promotion' : pushedBy !== null ? `by ${pushedBy}` : ''}
          </span>
        </span>
      ),
    },
    {
      head: 'Do',
      width: open.length > 0 && recalls ? '230px' : open.length > 0 || recalls ? '140px' : '40px',
      end: true,
      named: false,
      cell: ({ tag, digest, virtual, pullCommand }) => (
        <span className="do">
          <Copy text={pullCommand} label="pull command" />
          {open.length > 0 && !virtual && (
            <button
              type="button"
              className="button small"
              aria-label={`Promote ${tag}`}
              onClick={() => setAsked(tag)}
            >
              Promote …
            </button>
          )}
          {recalls && !virtual && !standing.has(placeOf(feed, repository, digest)) && (
            <button
              type="button"
              className="button small"
              aria-label={`Recall ${tag}`}
              onClick={() => setRecalled({ feed, digest, name: `${repository}:${tag}` })}
            >
              Recall …
            </button>
          )}
        </span>
      ),
    },
  ]
  return (
    <>
      <Table
        label={`Tags of ${repository}`}
        columns={columns}
        items={tags}
        keyOf={({ tag }) => tag}
        more={more}
      />
      <AskDialog
        image={asked === null ? null : `${repository}:${asked}`}
        lanes={open}
        onClose={() => setAsked(null)}
      />
      <RecallDialog of={recalled} onClose={() => setRecalled(null)} />
    </>
  )
}
