import type { User } from '@sluice/contract'
import { Navigate } from '@tanstack/react-router'
import { useState } from 'react'
import { Chip } from '../parts/chip.tsx'
import { Dialog } from '../parts/dialog.tsx'
import { PageHead } from '../parts/page.tsx'
import { usePages } from '../parts/paging.ts'
import { Await, Empty } from '../parts/states.tsx'
import { type Column, Table } from '../parts/table.tsx'
import { Age } from '../parts/time.tsx'
import { client } from '../session/client.ts'
import { useMe } from '../session/me.ts'
import { AdminTabs } from './admin-tabs.tsx'
import { Administers } from './administers.tsx'
import { EditUser, NewUser } from './user-forms.tsx'

export function Users() {
  const me = useMe()
  // An auditor, and an administrator of feeds only, have no users to look at.
  if (!me.roles.includes('admin') && me.roles.includes('auditor'))
    return <Navigate to="/admin/storage" replace />
  if (!me.roles.includes('admin') && me.grants.some(({ verbs }) => verbs.includes('admin')))
    return <Navigate to="/admin/grants" search={{}} replace />
  return (
    <Administers>
      <List />
    </Administers>
  )
}

function List() {
  const [open, setOpen] = useState<'new' | User | null>(null)
  const { list, more } = usePages(['users'], (page) => client().listUsers({ query: page }), { limit: 200 })
  const columns: readonly Column<User>[] = [
    {
      head: 'User',
      width: 'minmax(0, 1.5fr)',
      named: false,
      cell: ({ username, displayName }) => (
        <>
          <strong className="breaks">{username}</strong>
          {displayName !== username && <div className="soft small breaks">{displayName}</div>}
        </>
      ),
    },
    {
      head: 'Roles',
      width: 'minmax(0, 1fr)',
      cell: ({ roles }) => (
        <span className="row">
          {roles.map((role) => (
            <Chip key={role} tone="accent" plain>
              {role}
            </Chip>
          ))}
          {roles.length === 0 && <span className="soft">none</span>}
        </span>
      ),
    },
    {
      head: 'Groups',
      width: 'minmax(0, 1fr)',
      cell: ({ groups }) => (
        <span className="breaks">{groups.join(', ') || <span className="soft">none</span>}</span>
      ),
    },
    {
      head: 'State',
      width: '150px',
      named: false,
      cell: ({ disabled, mustChangePassword }) =>
        disabled ? (
          <Chip tone="bad">Disabled</Chip>
        ) : mustChangePassword ? (
          <Chip tone="wait">New password due</Chip>
        ) : (
          <Chip tone="good">Active</Chip>
        ),
    },
    { head: 'Since', width: '120px', cell: ({ createdAt }) => <Age at={createdAt} /> },
    {
      head: 'Do',
      width: '80px',
      end: true,
      named: false,
      cell: (user) => (
        <button
          type="button"
          className="button small"
          aria-label={`Edit ${user.username}`}
          onClick={() => setOpen(user)}
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
        title="Users"
        actions={
          <button type="button" className="button primary" onClick={() => setOpen('new')}>
            New user …
          </button>
        }
      />
      <AdminTabs />
      <Await query={list}>
        {(users) =>
          users.length === 0 ? (
            <div className="panel">
              <Empty title="No users" />
            </div>
          ) : (
            <Table label="Users" columns={columns} items={users} keyOf={({ id }) => id} more={more} />
          )
        }
      </Await>
      <Dialog title="New user" open={open === 'new'} onClose={close}>
        <NewUser onClose={close} />
      </Dialog>
      <Dialog
        title={open !== null && open !== 'new' ? `User ${open.username}` : ''}
        open={open !== null && open !== 'new'}
        onClose={close}
      >
        {open !== null && open !== 'new' && <EditUser user={open} onClose={close} />}
      </Dialog>
    </>
  )
}
