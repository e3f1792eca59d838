import type { Group } from '@sluice/contract'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { Dialog } from '../parts/dialog.tsx'
import { TextArea, TextField } from '../parts/field.tsx'
import { PageHead } from '../parts/page.tsx'
import { usePages } from '../parts/paging.ts'
import { Await, Empty, Refused } from '../parts/states.tsx'
import { type Column, Table } from '../parts/table.tsx'
import { client, fieldErrorsOf } from '../session/client.ts'
import { AdminTabs } from './admin-tabs.tsx'

export function Groups() {
  const [open, setOpen] = useState<'new' | Group | null>(null)
  const { list, more } = usePages(['groups'], (page) => client().listGroups({ query: page }), { limit: 200 })
  const columns: readonly Column<Group>[] = [
    {
      head: 'Group',
      width: 'minmax(0, 1fr)',
      named: false,
      cell: ({ name }) => <strong className="breaks">{name}</strong>,
    },
    {
      head: 'Members',
      width: 'minmax(0, 2fr)',
      cell: ({ members }) => (
        <span className="breaks">{members.join(', ') || <span className="soft">nobody</span>}</span>
      ),
    },
    {
      head: 'Do',
      width: '80px',
      end: true,
      named: false,
      cell: (group) => (
        <button
          type="button"
          className="button small"
          aria-label={`Edit ${group.name}`}
          onClick={() => setOpen(group)}
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
        title="Groups"
        actions={
          <button type="button" className="button primary" onClick={() => setOpen('new')}>
            New group …
          </button>
        }
      />
      <AdminTabs />
      <Await query={list}>
        {(groups) =>
          groups.length === 0 ? (
            <div className="panel">
              <Empty title="No groups yet">
                <p>A group is granted verbs as a user is, and a lane can ask for approvals from it.</p>
              </Empty>
            </div>
          ) : (
            <Table label="Groups" columns={columns} items={groups} keyOf={({ id }) => id} more={more} />
          )
        }
      </Await>
      <Dialog
        title={open === 'new' ? 'New group' : `Group ${open?.name ?? ''}`}
        open={open !== null}
        onClose={close}
      >
        {open !== null && <Edit group={open === 'new' ? null : open} onClose={close} />}
      </Dialog>
    </>
  )
}

function Edit({ group, onClose }: { group: Group | null; onClose: () => void }) {
  const queries = useQueryClient()
  const [name, setName] = useState('')
  const [members, setMembers] = useState(group?.members.join('\n') ?? '')
  const names = members.split(/[\s,]+/).filter((one) => one !== '')
  const done = () => {
    void queries.invalidateQueries({ queryKey: ['groups'] })
    void queries.invalidateQueries({ queryKey: ['users'] })
    onClose()
  }
  const save = useMutation({
    mutationFn: () =>
      group === null
        ? client().createGroup({ body: { name, members: names } })
        : client().updateGroup({ params: { name: group.name }, body: { members: names } }),
    onSuccess: done,
  })
  const remove = useMutation({
    mutationFn: () => client().deleteGroup({ params: { name: group?.name ?? '' } }),
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
      {group === null && (
        <TextField
          label="Name"
          required
          value={name}
          wrong={wrong.get('name')}
          onChange={(event) => setName(event.target.value)}
        />
      )}
      <TextArea
        label="Members"
        hint="User names, one a line"
        value={members}
        wrong={wrong.get('members')}
        onChange={(event) => setMembers(event.target.value)}
      />
      <Refused error={save.error ?? remove.error} />
      <footer>
        {group !== null && (
          <button
            type="button"
            className="button danger"
            disabled={remove.isPending}
            onClick={() => remove.mutate()}
          >
            Remove with its grants
          </button>
        )}
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
