import type { Feed } from '@sluice/contract'
import { useState } from 'react'
import { TextField } from '../parts/field.tsx'
import { Form, useAction } from '../parts/form.tsx'
import { Panel } from '../parts/page.tsx'
import { Age } from '../parts/time.tsx'
import { client } from '../session/client.ts'

type Proxied = Pick<Feed, 'remote' | 'cache'>

/** `registry.example/prefix`, the place that a proxy feed is a cache of. */
const placeOf = ({ url, prefix }: NonNullable<Feed['remote']>): string =>
  `${new URL(url).host}${prefix && `/${prefix}`}`

/** Of what a feed is a proxy, and how that answers: for who looks at its images. Nothing of other feeds. */
export function ProxyOf({ remote, cache }: Proxied) {
  if (remote === null || cache === null) return null
  const { reachedAt, failingSince } = cache
  return (
    <>
      <p className="small breaks">
        Proxy of <strong>{placeOf(remote)}</strong>
        {failingSince === null &&
          (reachedAt === null ? (
            ', not asked yet'
          ) : (
            <>
              , last reached <Age at={reachedAt} />
            </>
          ))}
      </p>
      {failingSince !== null && (
        <p className="notice wait small" role="status">
          Its upstream is not reachable since <Age at={failingSince} />: what was pulled before is served from
          the cache.
        </p>
      )}
    </>
  )
}

/** For how long a proxy feed keeps what nobody pulls, and what is wrong with its upstream, in full. */
export function CacheSettings({ feed, cache }: { feed: Feed; cache: NonNullable<Feed['cache']> }) {
  const [days, setDays] = useState(String(cache.keepDays))
  const save = useAction(
    () => client().updateFeed({ params: { feed: feed.name }, body: { cache: { keepDays: Number(days) } } }),
    { refresh: ['feeds'] },
  )
  return (
    <Panel title="Cache">
      <div className="stack">
        <ProxyOf remote={feed.remote} cache={cache} />
        {cache.failure !== null && <p className="small breaks">{cache.failure}</p>}
        <Form
          action={save}
          does="Save the cache"
          ready={days !== String(cache.keepDays) && Number(days) >= 1}
        >
          <KeepDays days={days} onChange={setDays} wrong={save.wrong} />
        </Form>
      </div>
    </Panel>
  )
}

export function KeepDays({
  days,
  onChange,
  wrong,
}: {
  days: string
  onChange: (days: string) => void
  wrong: (field: string) => string | undefined
}) {
  return (
    <TextField
      label="Days without a pull"
      type="number"
      required
      min={1}
      hint="What nobody pulled for so long goes, unless it is asked for or was promoted"
      value={days}
      wrong={wrong('cache.keepDays')}
      onChange={(event) => onChange(event.target.value)}
    />
  )
}
