import { useQuery } from '@tanstack/react-query'
import { Digest } from '../parts/copy.tsx'
import { TextField } from '../parts/field.tsx'
import { Panel } from '../parts/page.tsx'
import { Await } from '../parts/states.tsx'
import { Moment } from '../parts/time.tsx'
import { client } from '../session/client.ts'
import type { Filter } from './queries.ts'

type Tag = { readonly feed: string; readonly repository: string; readonly tag: string }

/** What the tag that the filters name was at any time. */
export function TimeTravel({
  feed,
  repository,
  tag,
  at,
  onTravel,
}: Filter & { at: string | undefined; onTravel: (at: string) => void }) {
  const named = feed !== undefined && repository !== undefined && tag !== undefined
  if (!named) {
    if (at === undefined) return null
    return (
      <p className="notice small apart">
        To see what a tag was at that time, name its feed, repository and tag.
      </p>
    )
  }
  const time = at === undefined ? null : new Date(at)
  return (
    <div className="apart">
      <Panel title={`What ${tag} was then`}>
        <div className="then">
          {/* The field keeps its own text: written back, `.710` reads as `.71`, a change that nobody made. */}
          <TextField
            label="At"
            type="datetime-local"
            step={1}
            defaultValue={at ?? ''}
            onChange={(event) => onTravel(event.target.value)}
          />
          {time === null || Number.isNaN(time.getTime()) ? (
            <p className="soft">Choose a moment, in your own time zone.</p>
          ) : (
            <Then {...{ feed, repository, tag }} time={time} />
          )}
        </div>
      </Panel>
    </div>
  )
}

function Then({ feed, repository, tag, time }: Tag & { time: Date }) {
  const at = time.toISOString()
  const then = useQuery({
    queryKey: ['tag-at', feed, repository, tag, at],
    queryFn: () => client().listTagHistory({ params: { feed }, query: { repository, tag, at } }),
  })
  return (
    <Await query={then} lines={1}>
      {({ digest }) => (
        <p className="row" role="status">
          <Moment at={at} />
          {digest == null ? 'It was not there.' : <Digest digest={digest} whole link />}
        </p>
      )}
    </Await>
  )
}
