import type { Group } from '@sluice/contract'
import { useState } from 'react'
import { words } from '../format/words.ts'
import { Dialog } from '../parts/dialog.tsx'
import { TextArea, TextField } from '../parts/field.tsx'
import { Form, useAction } from '../parts/form.tsx'
import { PageHead } from '../parts/page.tsx'
import { usePages } from '../parts/paging.ts'
import { Await, Empty } from '../parts/states.tsx'
import { type Column, Table } from '../parts/table.tsx'
import { client } from '../session/client.ts'
import { AdminTabs } from './admin-tabs.tsx'
import { Administers } from './administers.tsx'

export function Groups() {
  return (
    <Administers>
      <All />
    </Administers>
  )
}

function All() {
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
  const [name, setName] = useState('')
  const [members, setMembers] = useState(group?.members.join('\n') ?? '')
  const changes = { refresh: ['groups', 'users'], done: onClose }
  const save = useAction(
    () =>
      group === null
        ? client().createGroup({ body: { name, members: words(members) } })
        : client().updateGroup({ params: { name: group.name }, body: { members: words(members) } }),
    changes,
  )
  const remove = useAction(() => client().deleteGroup({ params: { name: group?.name ?? '' } }), changes)
  return (
    <Form
      action={save}
      does="Save"
      onClose={onClose}
      refused={remove.error}
      beside={
        group !== null && (
          <button type="button" className="button danger" disabled={remove.pending} onClick={remove.run}>
            Remove with its grants
          </button>
        )
      }
    >
      {group === null && (
        <TextField
          label="Name"
          required
          value={name}
          wrong={save.wrong('name')}
          onChange={(event) => setName(event.target.value)}
        />
      )}
      <TextArea
        label="Members"
        hint="User names, one a line"
        value={members}
        wrong={save.wrong('members')}
        onChange={(event) => setMembers(event.target.value)}
      />
    </Form>
  )
}
