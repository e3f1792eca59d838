import type { Role, User } from '@sluice/contract'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { Check, TextField } from '../parts/field.tsx'
import { Refused } from '../parts/states.tsx'
import { client, fieldErrorsOf } from '../session/client.ts'
import { Once } from './once.tsx'

const ROLES: readonly (readonly [Role, string])[] = [
  ['admin', 'Administrator: users, feeds, grants and lanes; approves nothing by that'],
  ['auditor', 'Auditor: reads the audit log'],
]

const words = (text: string) => text.split(/[\s,]+/).filter((word) => word !== '')

function Roles({ roles, onChange }: { roles: readonly Role[]; onChange: (roles: Role[]) => void }) {
  return (
    <fieldset>
      <legend>Roles</legend>
      {ROLES.map(([role, label]) => (
        <Check
          key={role}
          label={label}
          checked={roles.includes(role)}
          onChange={(event) =>
            onChange(event.target.checked ? [...roles, role] : roles.filter((one) => one !== role))
          }
        />
      ))}
    </fieldset>
  )
}

export function NewUser({ onClose }: { onClose: () => void }) {
  const queries = useQueryClient()
  const [given, setGiven] = useState({
    username: '',
    displayName: '',
    groups: '',
    roles: [] as Role[],
    password: '',
  })
  const make = useMutation({
    mutationFn: () =>
      client().createUser({
        body: {
          username: given.username,
          ...(given.displayName !== '' && { displayName: given.displayName }),
          ...(given.password !== '' && { password: given.password, mustChangePassword: true }),
          roles: given.roles,
          groups: words(given.groups),
        },
      }),
    onSuccess: ({ password }) => {
      void queries.invalidateQueries({ queryKey: ['users'] })
      if (password === undefined) onClose()
    },
  })
  const wrong = fieldErrorsOf(make.error)
  if (make.data?.password !== undefined) {
    return (
      <Once
        what={`The first password of ${make.data.username}, who chooses another when signing in.`}
        secret={make.data.password}
        onClose={onClose}
      />
    )
  }
  return (
    <form
      autoComplete="off"
      onSubmit={(event) => {
        event.preventDefault()
        make.mutate()
      }}
    >
      <TextField
        label="User name"
        required
        autoCapitalize="none"
        spellCheck={false}
        value={given.username}
        wrong={wrong.get('username')}
        onChange={(event) => setGiven({ ...given, username: event.target.value })}
      />
      <TextField
        label="Name"
        value={given.displayName}
        wrong={wrong.get('displayName')}
        onChange={(event) => setGiven({ ...given, displayName: event.target.value })}
      />
      <TextField
        label="First password"
        type="password"
        autoComplete="new-password"
        hint="Empty: one is made and shown once. It is changed at the first sign-in."
        value={given.password}
        wrong={wrong.get('password')}
        onChange={(event) => setGiven({ ...given, password: event.target.value })}
      />
      <TextField
        label="Groups"
        hint="Names, separated by spaces"
        value={given.groups}
        wrong={wrong.get('groups')}
        onChange={(event) => setGiven({ ...given, groups: event.target.value })}
      />
      <Roles roles={given.roles} onChange={(roles) => setGiven({ ...given, roles })} />
      <Refused error={make.error} />
      <footer>
        <button type="button" className="button" onClick={onClose}>
          Back
        </button>
        <button type="submit" className="button primary" disabled={make.isPending}>
          Make the user
        </button>
      </footer>
    </form>
  )
}

export function EditUser({ user, onClose }: { user: User; onClose: () => void }) {
  const queries = useQueryClient()
  const [given, setGiven] = useState({
    displayName: user.displayName,
    groups: user.groups.join(' '),
    roles: user.roles,
    password: '',
    disabled: user.disabled,
  })
  const save = useMutation({
    mutationFn: () =>
      client().updateUser({
        params: { name: user.username },
        body: {
          displayName: given.displayName,
          groups: words(given.groups),
          roles: given.roles,
          disabled: given.disabled,
          ...(given.password !== '' && { password: given.password, mustChangePassword: true }),
        },
      }),
    onSuccess: () => {
      void queries.invalidateQueries({ queryKey: ['users'] })
      onClose()
    },
  })
  const wrong = fieldErrorsOf(save.error)
  return (
    <form
      autoComplete="off"
      onSubmit={(event) => {
        event.preventDefault()
        save.mutate()
      }}
    >
      <TextField
        label="Name"
        required
        value={given.displayName}
        wrong={wrong.get('displayName')}
        onChange={(event) => setGiven({ ...given, displayName: event.target.value })}
      />
      <TextField
        label="Groups"
        hint="Names, separated by spaces"
        value={given.groups}
        wrong={wrong.get('groups')}
        onChange={(event) => setGiven({ ...given, groups: event.target.value })}
      />
      <Roles roles={given.roles} onChange={(roles) => setGiven({ ...given, roles })} />
      <TextField
        label="New password"
        type="password"
        autoComplete="new-password"
        hint="Empty: stays. A new one is changed at the next sign-in."
        value={given.password}
        wrong={wrong.get('password')}
        onChange={(event) => setGiven({ ...given, password: event.target.value })}
      />
      <Check
        label="Disabled: signs in nowhere; what was done stays recorded"
        checked={given.disabled}
        onChange={(event) => setGiven({ ...given, disabled: event.target.checked })}
      />
      <Refused error={save.error} />
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
