import type { Repository } from '@sluice/contract'
import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router'
import { Chip } from '../parts/chip.tsx'
import { Command } from '../parts/copy.tsx'
import { TextField } from '../parts/field.tsx'
import { PageHead } from '../parts/page.tsx'
import { usePages } from '../parts/paging.ts'
import { Await, Empty } from '../parts/states.tsx'
import { type Column, Table } from '../parts/table.tsx'
import { Age } from '../parts/time.tsx'
import { ProxyOf } from '../remote/cache.tsx'
import { client } from '../session/client.ts'
import { feedsQuery } from './queries.ts'

const ELSEWHERE =
  'The registry is elsewhere, and not asked for its list, which many refuse. Shown are the repositories that requests have asked for, and those that the settings of the feed name; others can be asked for by name all the same.'

const TITLES = {
  hosted: 'Nothing was pushed here yet',
  remote: 'No repository is known yet',
  proxy: 'Nothing was pulled through yet',
} as const

export function Repositories() {
  const { feed } = useParams({ from: '/shell/feeds/$feed' })
  const { find = '' } = useSearch({ from: '/shell/feeds/$feed' })
  const navigate = useNavigate({ from: '/feeds/$feed' })
  const known = useQuery(feedsQuery).data?.find(({ name }) => name === feed)
  const { list, more } = usePages(
    ['repositories', feed, { find }],
    (page) =>
      client().listRepositories({ params: { feed }, query: { ...(find !== '' && { find }), ...page } }),
    { limit: 200 },
  )
  const columns: readonly Column<Repository>[] = [
    {
      head: 'Repository',
      width: 'minmax(0, 1fr)',
      named: false,
      cell: ({ name }) => (
        <Link to="/feeds/$feed/repositories/$" params={{ feed, _splat: name }} search={{}} className="main">
          {name}
        </Link>
      ),
    },
    {
      head: 'Since',
      width: '140px',
      end: true,
      cell: ({ createdAt }) => (createdAt === null ? '' : <Age at={createdAt} />),
    },
  ]
  return (
    <>
      <PageHead
        title={feed}
        crumbs={[
          <Link key="feeds" to="/feeds">
            Feeds
          </Link>,
        ]}
      >
        {known !== undefined && (
          <p className="row">
            <Chip tone="neutral" plain>
              {known.stage}
            </Chip>
            {known.trusted && <Chip tone="good">trusted</Chip>}
          </p>
        )}
        {known !== undefined && <ProxyOf remote={known.remote} cache={known.cache} />}
      </PageHead>
      <Await query={list}>
        {(repositories) => {
          if (repositories.length === 0 && find === '') {
            return (
              <div className="panel">
                <Empty title={TITLES[known?.kind ?? 'hosted']}>
                  {known?.kind === 'proxy' ? (
                    <Command text={`docker pull ${known.address}/REPOSITORY:TAG`} />
                  ) : known?.kind === 'remote' ? (
                    <p>{ELSEWHERE}</p>
                  ) : known?.trusted === true ? (
                    <p>Images come here by promotion only.</p>
                  ) : (
                    known !== undefined && <Command text={`docker push ${known.address}/REPOSITORY:TAG`} />
                  )}
                </Empty>
              </div>
            )
          }
          return (
            <>
              <search className="filters">
                <TextField
                  label="Find"
                  type="search"
                  value={find}
                  onChange={(event) =>
                    void navigate({
                      search: event.target.value === '' ? {} : { find: event.target.value },
                      replace: true,
                    })
                  }
                />
              </search>
              {known?.kind === 'remote' && <p className="soft small">{ELSEWHERE}</p>}
              {repositories.length === 0 ? (
                <div className="panel">
                  <Empty title="No repository of that name" />
                </div>
              ) : (
                <Table
                  label={`Repositories of ${feed}`}
                  columns={columns}
                  items={repositories}
                  keyOf={({ name }) => name}
                  more={more}
                />
              )}
            </>
          )
        }}
      </Await>
    </>
  )
}
