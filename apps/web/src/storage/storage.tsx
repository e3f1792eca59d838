import type { Feed, StorageOverview } from '@sluice/contract'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { AdminTabs } from '../admin/admin-tabs.tsx'
import { feedsQuery } from '../feeds/queries.ts'
import { formatSize } from '../format/size.ts'
import { Chip } from '../parts/chip.tsx'
import { Digest } from '../parts/copy.tsx'
import { PageHead, Panel } from '../parts/page.tsx'
import { Await, Empty } from '../parts/states.tsx'
import { type Column, Table } from '../parts/table.tsx'
import { Age } from '../parts/time.tsx'
import { Usage } from '../parts/usage.tsx'
import { client } from '../session/client.ts'
import { may, useMe } from '../session/me.ts'

const EVERY_MS = 30_000

/** What is stored, what takes it, how it is kept, and what is damaged. */
export function Storage() {
  const overview = useQuery({
    queryKey: ['storage'],
    queryFn: () => client().getStorage(),
    refetchInterval: EVERY_MS,
  })
  return (
    <>
      <PageHead title="Storage">
        <p>Blobs are stored once, whichever feeds hold them. Collection and scrubbing run by themselves.</p>
      </PageHead>
      <AdminTabs />
      <Await query={overview} lines={8}>
        {(storage) => (
          <div className="stack">
            <Sums storage={storage} />
            <Damaged damaged={storage.damaged} />
            <div className="halves">
              <Collection storage={storage} />
              <Scrub storage={storage} />
            </div>
            <ByFeed />
          </div>
        )}
      </Await>
    </>
  )
}

function Sums({ storage: { blobs, manifests, uploads } }: { storage: StorageOverview }) {
  const sums = [
    ['Blobs', formatSize(blobs.bytes), `${blobs.count.toLocaleString()} distinct`],
    ['Manifests', formatSize(manifests.bytes), `${manifests.count.toLocaleString()} in the database`],
    ['Uploads under way', formatSize(uploads.bytes), `${uploads.count.toLocaleString()} open`],
  ] as const
  return (
    <section className="panel" aria-label="Stored">
      <dl className="sums">
        {sums.map(([name, size, count]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>
              {size} <span className="soft small">{count}</span>
            </dd>
          </div>
        ))}
      </dl>
    </section>
  )
}

type Blob = StorageOverview['damaged']['items'][number]

const damagedColumns: readonly Column<Blob>[] = [
  { head: 'Blob', width: '220px', named: false, cell: ({ digest }) => <Digest digest={digest} /> },
  { head: 'Size', width: '90px', end: true, cell: ({ size }) => formatSize(size) },
  {
    head: 'Held by',
    width: 'minmax(0, 1fr)',
    cell: ({ repositories }) => (
      <span className="breaks">{repositories.join(', ') || <span className="soft">nothing</span>}</span>
    ),
  },
  { head: 'Found', width: '130px', end: true, cell: ({ since }) => <Age at={since} /> },
]

function Damaged({ damaged: { count, items } }: { damaged: StorageOverview['damaged'] }) {
  if (count === 0) return null
  return (
    <Panel title="Damaged blobs" flush aside={<Chip tone="bad">{count} quarantined</Chip>}>
      <p className="lead">
        Their bytes are missing or have another digest, so they are served to nobody and promoted nowhere.
        Push an image that has them again, from wherever it still is: that heals them everywhere.
      </p>
      <div className="inset">
        <Table label="Damaged blobs" columns={damagedColumns} items={items} keyOf={({ digest }) => digest} />
        {count > items.length && <p className="soft small">The {items.length} oldest are shown.</p>}
      </div>
    </Panel>
  )
}

function Facts({ facts }: { facts: readonly (readonly [string, ReactNode])[] }) {
  return (
    <dl className="facts">
      {facts.map(([name, fact]) => (
        <div key={name} className="fact">
          <dt>{name}</dt>
          <dd>{fact}</dd>
        </div>
      ))}
    </dl>
  )
}

function Collection({ storage: { collection, awaitingRemoval } }: { storage: StorageOverview }) {
  return (
    <Panel
      title="Garbage collection"
      aside={collection?.foreign === true && <Chip tone="bad">Wrong storage</Chip>}
    >
      {collection === null ? (
        <p className="soft">None has come to its end yet; a worker collects every hour.</p>
      ) : (
        <div className="stack tight">
          {collection.foreign && (
            <p className="notice bad small">
              The storage is not the one of this database, or is not mounted: nothing was removed from it.
              Give api and worker the same data folder or bucket.
            </p>
          )}
          <Facts
            facts={[
              ['Last', <Age key="last" at={collection.at} />],
              ['By retention', `${collection.retired} images let go`],
              ['Removed', `${collection.manifests} manifests, ${collection.blobs} blobs`],
              ['Objects', `${collection.objects} removed, ${awaitingRemoval} wait for removal`],
            ]}
          />
        </div>
      )}
    </Panel>
  )
}

function Scrub({ storage: { scrub, hashedSince, damaged } }: { storage: StorageOverview }) {
  return (
    <Panel
      title="Integrity"
      aside={
        damaged.count > 0 ? <Chip tone="bad">{damaged.count} damaged</Chip> : <Chip tone="good">Sound</Chip>
      }
    >
      <Facts
        facts={[
          [
            'Last round',
            scrub === null ? (
              <span key="none" className="soft">
                none yet; the scrubber looks every hour
              </span>
            ) : (
              <Age key="last" at={scrub.at} />
            ),
          ],
          ...(scrub === null
            ? []
            : ([
                [
                  'Hashed again',
                  `${scrub.blobs} blobs, ${formatSize(scrub.bytes)}, ${scrub.damaged} found damaged`,
                ],
              ] as const)),
          [
            'Every blob hashed since',
            hashedSince === null ? 'there are no blobs' : <Age key="since" at={hashedSince} />,
          ],
        ]}
      />
    </Panel>
  )
}

/** The fullest first: those with a quota by their share of it, then the others by size. */
const byFullness = (a: Feed, b: Feed) =>
  b.used / (b.quota?.bytes ?? Number.POSITIVE_INFINITY) -
    a.used / (a.quota?.bytes ?? Number.POSITIVE_INFINITY) || b.used - a.used

function ByFeed() {
  const me = useMe()
  return (
    <Panel title="By feed" flush>
      <Await query={useQuery(feedsQuery)}>
        {(all) => {
          const feeds = all.filter(({ kind }) => kind !== 'remote')
          return feeds.length === 0 ? (
            <Empty title="No feed is open to you" />
          ) : (
            <ul className="set">
              {feeds.toSorted(byFullness).map((feed) => (
                <li key={feed.id} className="by-feed">
                  {may(me, 'admin', feed.name) ? (
                    <Link to="/admin/feeds/$feed" params={{ feed: feed.name }} className="breaks">
                      {feed.name}
                    </Link>
                  ) : (
                    <span className="breaks">{feed.name}</span>
                  )}
                  <Usage
                    used={feed.used}
                    limit={feed.quota?.bytes ?? null}
                    label={`Used of the quota of ${feed.name}`}
                  />
                </li>
              ))}
            </ul>
          )
        }}
      </Await>
    </Panel>
  )
}
