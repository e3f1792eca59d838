import type { Lane } from '@sluice/contract'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link, useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { lanesQuery } from '../feeds/queries.ts'
import { Chip } from '../parts/chip.tsx'
import { Dialog } from '../parts/dialog.tsx'
import { SelectField, TextField } from '../parts/field.tsx'
import { PageHead } from '../parts/page.tsx'
import { Await, Empty, Refused } from '../parts/states.tsx'
import { type Column, Table } from '../parts/table.tsx'
import { Age } from '../parts/time.tsx'
import { client, fieldErrorsOf } from '../session/client.ts'
import { useMe } from '../session/me.ts'
import { inWords } from './policy-words.ts'

const columns: readonly Column<Lane>[] = [
  {
    head: 'Lane',
    width: 'minmax(0, 1.4fr)',
    named: false,
    cell: ({ name, from, to, pending }) => (
      <>
        <Link to="/lanes/$lane" params={{ lane: name }} search={{}} className="main">
          {name}
        </Link>
        <div className="soft small breaks">
          {from} → {to}
        </div>
        {pending !== null && <Chip tone="wait">waits for a second administrator</Chip>}
      </>
    ),
  },
  {
    head: 'Asks for',
    width: 'minmax(0, 2.4fr)',
    named: false,
    cell: ({ policy }) => <span className="breaks">{inWords(policy).join(' · ')}</span>,
  },
  {
    head: 'Version',
    width: '70px',
    end: true,
    cell: ({ version }) => <span className="number">{version}</span>,
  },
  { head: 'Changed', width: '130px', end: true, cell: ({ updatedAt }) => <Age at={updatedAt} /> },
]

export function Lanes() {
  const me = useMe()
  const feeds = me.grants.filter(({ verbs }) => verbs.includes('admin')).map(({ feed }) => feed)
  const [making, setMaking] = useState(false)
  return (
    <>
      <PageHead
        title="Lanes"
        actions={
          feeds.length > 1 && (
            <button type="button" className="button" onClick={() => setMaking(true)}>
              New lane …
            </button>
          )
        }
      >
        <p>One-way routes between feeds, each with what it asks for before an image may pass.</p>
      </PageHead>
      <Await query={useQuery(lanesQuery)}>
        {(lanes) =>
          lanes.length === 0 ? (
            <div className="panel">
              <Empty title="No lane is open to you">
                <p>A lane is seen by whoever has a grant on one of its feeds.</p>
              </Empty>
            </div>
          ) : (
            <Table label="Lanes" columns={columns} items={lanes} keyOf={({ id }) => id} />
          )
        }
      </Await>
      <Dialog title="New lane" open={making} onClose={() => setMaking(false)}>
        <NewLane feeds={feeds} onClose={() => setMaking(false)} />
      </Dialog>
    </>
  )
}

function NewLane({ feeds, onClose }: { feeds: readonly string[]; onClose: () => void }) {
  const navigate = useNavigate()
  const queries = useQueryClient()
  const [lane, setLane] = useState({ name: '', from: feeds[0] ?? '', to: feeds[1] ?? '' })
  const make = useMutation({
    mutationFn: () => client().createLane({ body: lane }),
    onSuccess: async ({ name }) => {
      await queries.invalidateQueries({ queryKey: ['lanes'] })
      await navigate({ to: '/lanes/$lane', params: { lane: name }, search: { edit: 'form' } })
    },
  })
  const wrong = fieldErrorsOf(make.error)
  const choices = feeds.map((value) => ({ value, label: value }))
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault()
        make.mutate()
      }}
    >
      <TextField
        label="Name"
        required
        value={lane.name}
        wrong={wrong.get('name')}
        onChange={(event) => setLane({ ...lane, name: event.target.value })}
      />
      <SelectField
        label="From"
        choices={choices}
        value={lane.from}
        wrong={wrong.get('from')}
        onChange={(event) => setLane({ ...lane, from: event.target.value })}
      />
      <SelectField
        label="To"
        choices={choices}
        value={lane.to}
        wrong={wrong.get('to')}
        onChange={(event) => setLane({ ...lane, to: event.target.value })}
      />
      <p className="soft small">
        It begins with one approval by anyone but the requester; the next page has the rest.
      </p>
      <Refused error={make.error} />
      <footer>
        <button type="button" className="button" onClick={onClose}>
          Back
        </button>
        <button type="submit" className="button primary" disabled={make.isPending}>
          Make the lane
        </button>
      </footer>
    </form>
  )
}
