import type { Lane } from '@sluice/contract'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router'
import { type ReactNode, useState } from 'react'
import { Check } from '../parts/field.tsx'
import { PageHead, Panel } from '../parts/page.tsx'
import { Await } from '../parts/states.tsx'
import { Tabs } from '../parts/tabs.tsx'
import { Moment } from '../parts/time.tsx'
import { client } from '../session/client.ts'
import { may, useMe } from '../session/me.ts'
import { PolicyFormEditor } from './form-editor.tsx'
import { Pending } from './pending.tsx'
import { inWords } from './policy-words.ts'
import { writeYaml } from './policy-yaml.ts'
import { TryImage } from './try-image.tsx'
import { Versions } from './versions.tsx'
import { YamlEditor } from './yaml-editor.tsx'

export function LaneView() {
  const { lane } = useParams({ from: '/shell/lanes/$lane' })
  const found = useQuery({
    queryKey: ['lane', lane],
    queryFn: () => client().getLane({ params: { lane } }),
    // What is being edited is not changed under the hands of who edits it.
    refetchOnWindowFocus: false,
  })
  return <Await query={found}>{(view) => <Shown lane={view} />}</Await>
}

const TABS = [
  [undefined, 'What it asks for'],
  ['form', 'Edit as form'],
  ['yaml', 'Edit as YAML'],
] as const

function Shown({ lane }: { lane: Lane }) {
  const me = useMe()
  const { edit } = useSearch({ from: '/shell/lanes/$lane' })
  const administers = may(me, 'admin', lane.from) && may(me, 'admin', lane.to)
  const asks = may(me, 'request', lane.to) && may(me, 'pull', lane.from)
  return (
    <>
      <PageHead
        title={lane.name}
        crumbs={[
          <Link key="lanes" to="/lanes">
            Lanes
          </Link>,
        ]}
      >
        <p className="breaks">
          <Link to="/feeds/$feed" params={{ feed: lane.from }} search={{}}>
            {lane.from}
          </Link>{' '}
          →{' '}
          <Link to="/feeds/$feed" params={{ feed: lane.to }} search={{}}>
            {lane.to}
          </Link>
          {lane.version > 0 && (
            <>
              , version {lane.version} since <Moment at={lane.updatedAt} />
            </>
          )}
        </p>
      </PageHead>
      {administers && lane.pending === null && (
        <Tabs label="Policy">
          {TABS.map(([name, words]) => (
            <Link
              key={words}
              from="/lanes/$lane"
              to="."
              search={name === undefined ? {} : { edit: name }}
              activeOptions={{ exact: true }}
            >
              {words}
            </Link>
          ))}
        </Tabs>
      )}
      {edit !== undefined && !administers && (
        <p className="notice wait apart">
          To edit this lane takes the grant admin on {lane.from} and on {lane.to}. An administrator gives it.
        </p>
      )}
      <div className="halves">
        <div className="stack">
          {lane.pending !== null && <Pending lane={lane} change={lane.pending} administers={administers} />}
          {administers && edit !== undefined && lane.pending === null ? (
            <Editor key={lane.version} lane={lane} as={edit} />
          ) : (
            lane.version > 0 && <Read lane={lane} />
          )}
        </div>
        <div className="stack">
          {asks && lane.version > 0 && <TryImage lane={lane} />}
          {lane.version > 0 && <Versions lane={lane} />}
        </div>
      </div>
    </>
  )
}

function Read({ lane: { policy } }: { lane: Lane }) {
  return (
    <Panel title="Policy">
      <div className="stack">
        <ul className="stack tight">
          {inWords(policy).map((words) => (
            <li key={words} className="breaks">
              {words}
            </li>
          ))}
        </ul>
        <pre className="inputs">{writeYaml(policy)}</pre>
      </div>
    </Panel>
  )
}

function Editor({ lane, as }: { lane: Lane; as: 'form' | 'yaml' }) {
  const queries = useQueryClient()
  const navigate = useNavigate({ from: '/lanes/$lane' })
  const [invalidate, setInvalidate] = useState(false)
  const save = useMutation({
    mutationFn: (policy: Record<string, unknown>) =>
      client().putLane({
        params: { lane: lane.name },
        query: invalidate ? { invalidate: 'true' } : {},
        body: { policy },
      }),
    onSuccess: async (saved) => {
      queries.setQueryData(['lane', lane.name], saved)
      await Promise.all(
        ['lanes', 'lane-versions'].map((key) => queries.invalidateQueries({ queryKey: [key] })),
      )
      await navigate({ search: {} })
    },
  })
  const ends = (
    <Check
      label="End the open requests that were made under older versions"
      checked={invalidate}
      onChange={(event) => setInvalidate(event.target.checked)}
    />
  )
  const editing = { lane, ends, error: save.error, saving: save.isPending, onSave: save.mutate }
  return as === 'form' ? <PolicyFormEditor {...editing} /> : <YamlEditor {...editing} />
}

export type Editing = {
  readonly lane: Lane
  /** What becomes of requests under older versions. */
  readonly ends: ReactNode
  /** What the service refused of the last save. */
  readonly error: unknown
  readonly saving: boolean
  readonly onSave: (policy: Record<string, unknown>) => void
}
