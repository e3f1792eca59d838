import type { Feed } from '@sluice/contract'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { feedsQuery } from '../feeds/queries.ts'
import { Chip } from '../parts/chip.tsx'
import { Dialog } from '../parts/dialog.tsx'
import { Check, TextArea, TextField } from '../parts/field.tsx'
import { PageHead } from '../parts/page.tsx'
import { Await, Empty, Refused } from '../parts/states.tsx'
import { type Column, Table } from '../parts/table.tsx'
import { client, fieldErrorsOf } from '../session/client.ts'
import { may, useMe } from '../session/me.ts'
import { AdminTabs } from './admin-tabs.tsx'

export function AdminFeeds() {
  const me = useMe()
  const [open, setOpen] = useState<'new' | Feed | null>(null)
  const columns: readonly Column<Feed>[] = [
    {
      head: 'Feed',
      width: 'minmax(0, 1.4fr)',
      named: false,
      cell: ({ name, formerNames }) => (
        <>
          <strong className="breaks">{name}</strong>
          {formerNames.length > 0 && (
            <div className="soft small breaks">formerly {formerNames.join(', ')}</div>
          )}
        </>
      ),
    },
    { head: 'Stage', width: '130px', cell: ({ stage }) => stage },
    {
      head: 'Trusted',
      width: '110px',
      cell: ({ trusted }) => (trusted ? <Chip tone="good">trusted</Chip> : <span className="soft">no</span>),
    },
    {
      head: 'Immutable tags',
      width: 'minmax(0, 1fr)',
      cell: ({ tagRules }) => (
        <span className="breaks">{tagRules.immutable?.join(', ') ?? <span className="soft">none</span>}</span>
      ),
    },
    {
      head: 'Do',
      width: '80px',
      end: true,
      named: false,
      cell: (feed) =>
        may(me, 'admin', feed.name) && (
          <button
            type="button"
            className="button small"
            aria-label={`Edit ${feed.name}`}
            onClick={() => setOpen(feed)}
          >
            Edit …
          </button>
        ),
    },
  ]
  const close = () => setOpen(null)
  return (
    <>
      <PageHead
        title="Feeds"
        actions={
          me.roles.includes('admin') && (
            <button type="button" className="button primary" onClick={() => setOpen('new')}>
              New feed …
            </button>
          )
        }
      />
      <AdminTabs />
      <Await query={useQuery(feedsQuery)}>
        {(feeds) =>
          feeds.length === 0 ? (
            <div className="panel">
              <Empty title="No feeds" />
            </div>
          ) : (
            <Table label="Feeds" columns={columns} items={feeds} keyOf={({ id }) => id} />
          )
        }
      </Await>
      <Dialog
        title={open === 'new' ? 'New feed' : `Feed ${open?.name ?? ''}`}
        open={open !== null}
        onClose={close}
      >
        {open !== null && <Edit feed={open === 'new' ? null : open} onClose={close} />}
      </Dialog>
    </>
  )
}

function Edit({ feed, onClose }: { feed: Feed | null; onClose: () => void }) {
  const queries = useQueryClient()
  const [given, setGiven] = useState({
    name: feed?.name ?? '',
    stage: feed?.stage ?? '',
    trusted: feed?.trusted ?? false,
    immutable: feed?.tagRules.immutable?.join('\n') ?? '',
  })
  const [sure, setSure] = useState('')
  const immutable = given.immutable.split(/\s+/).filter((line) => line !== '')
  // Rules that this form does not know stay as they are.
  const { immutable: _, ...otherRules } = feed?.tagRules ?? {}
  const tagRules = { ...otherRules, ...(immutable.length > 0 && { immutable }) }
  const done = async () => {
    await Promise.all(['feeds', 'me', 'lanes'].map((key) => queries.invalidateQueries({ queryKey: [key] })))
    onClose()
  }
  const save = useMutation({
    mutationFn: () => {
      if (feed === null) return client().createFeed({ body: { ...given, tagRules } })
      return client().updateFeed({
        params: { feed: feed.name },
        body: {
          ...(given.name !== feed.name && { name: given.name }),
          ...(given.stage !== feed.stage && { stage: given.stage }),
          ...(given.trusted !== feed.trusted && { trusted: given.trusted }),
          tagRules,
        },
      })
    },
    onSuccess: done,
  })
  const remove = useMutation({
    mutationFn: () => client().deleteFeed({ params: { feed: feed?.name ?? '' } }),
    onSuccess: done,
  })
  const wrong = fieldErrorsOf(save.error)
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault()
        save.mutate()
      }}
    >
      <TextField
        label="Name"
        required
        hint={
          feed === null
            ? 'Reserved to this feed for ever'
            : 'The old name keeps working, and stays reserved to this feed'
        }
        value={given.name}
        wrong={wrong.get('name')}
        onChange={(event) => setGiven({ ...given, name: event.target.value })}
      />
      <TextField
        label="Stage"
        required
        placeholder="qa"
        value={given.stage}
        wrong={wrong.get('stage')}
        onChange={(event) => setGiven({ ...given, stage: event.target.value })}
      />
      <Check
        label="Trusted: images come in by promotion only. Fixed once it holds one."
        checked={given.trusted}
        onChange={(event) => setGiven({ ...given, trusted: event.target.checked })}
      />
      <TextArea
        label="Immutable tags"
        hint="One pattern a line: release (X.Y.Z), or with *"
        rows={2}
        value={given.immutable}
        wrong={wrong.get('tagRules.immutable')}
        onChange={(event) => setGiven({ ...given, immutable: event.target.value })}
      />
      {feed !== null && (
        <details>
          <summary>Delete this feed</summary>
          <div className="stack tight">
            <TextField
              label={`Type ${feed.name} to delete it`}
              value={sure}
              autoComplete="off"
              onChange={(event) => setSure(event.target.value)}
            />
            <button
              type="button"
              className="button danger"
              disabled={sure !== feed.name || remove.isPending}
              onClick={() => remove.mutate()}
            >
              Delete {feed.name}
            </button>
          </div>
        </details>
      )}
      <Refused error={save.error ?? remove.error} />
      <footer>
        <button type="button" className="button" onClick={onClose}>
          Back
        </button>
        <button type="submit" className="button primary" disabled={save.isPending}>
          Save
        </button>
      </footer>
    </form>
  )
}
