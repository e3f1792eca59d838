import type { Tag } from '@sluice/contract'
import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router'
import { useState } from 'react'
import { formatSize } from '../format/size.ts'
import { Chip } from '../parts/chip.tsx'
import { Copy, Digest } from '../parts/copy.tsx'
import { TextField } from '../parts/field.tsx'
import { PageHead, Panel } from '../parts/page.tsx'
import { Await, Empty } from '../parts/states.tsx'
import { type Column, Table } from '../parts/table.tsx'
import { Age } from '../parts/time.tsx'
import { AskDialog } from '../request/ask-dialog.tsx'
import { may, useMe } from '../session/me.ts'
import { lanesQuery, tagsQuery } from './queries.ts'
import { TagLife } from './tag-life.tsx'

export function Repository() {
  const { feed, _splat: repository = '' } = useParams({ from: '/shell/feeds/$feed/repositories/$' })
  const { tag, find = '' } = useSearch({ from: '/shell/feeds/$feed/repositories/$' })
  const navigate = useNavigate({ from: '/feeds/$feed/repositories/$' })
  const tags = useQuery(tagsQuery(feed, repository))
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
        <Await query={tags}>
          {(all) =>
            all.length === 0 ? (
              <div className="panel">
                <Empty title="No tags here">
                  <p>There is no repository of this name in {feed}, or it holds images by digest only.</p>
                </Empty>
              </div>
            ) : (
              <div>
                <search className="filters">
                  <TextField
                    label="Find"
                    type="search"
                    placeholder="tag or digest"
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
                <TagTable feed={feed} repository={repository} tags={all} find={find} />
              </div>
            )
          }
        </Await>
      </div>
    </>
  )
}

function TagTable({
  feed,
  repository,
  tags,
  find,
}: {
  feed: string
  repository: string
  tags: readonly Tag[]
  find: string
}) {
  const me = useMe()
  const lanes = useQuery(lanesQuery)
  const [asked, setAsked] = useState<string | null>(null)
  const open = (lanes.data ?? []).filter(({ from, to }) => from === feed && may(me, 'request', to))
  const columns: readonly Column<Tag>[] = [
    {
      head: 'Tag',
      width: 'minmax(0, 1.6fr)',
      named: false,
      cell: ({ tag, virtual }) => (
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
      width: open.length > 0 ? '140px' : '40px',
      end: true,
      named: false,
      cell: ({ tag, virtual }) => (
        <span className="do">
          <Copy text={`docker pull ${location.host}/${feed}/${repository}:${tag}`} label="pull command" />
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
        </span>
      ),
    },
  ]
  const shown = tags.filter(({ tag, digest }) => tag.includes(find) || digest.includes(find)).toReversed()
  return (
    <>
      {shown.length === 0 ? (
        <div className="panel">
          <Empty title="No tag matches" />
        </div>
      ) : (
        <Table label={`Tags of ${repository}`} columns={columns} items={shown} keyOf={({ tag }) => tag} />
      )}
      <AskDialog
        image={asked === null ? null : `${repository}:${asked}`}
        lanes={open}
        onClose={() => setAsked(null)}
      />
    </>
  )
}
