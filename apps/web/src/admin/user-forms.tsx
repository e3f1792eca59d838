import type { Role, User } from '@sluice/contract'
import { useState } from 'react'
import { words } from '../format/words.ts'
import { Check, TextField } from '../parts/field.tsx'
import { Form, useAction } from '../parts/form.tsx'
import { client } from '../session/client.ts'
import { Once } from './once.tsx'

const ROLES: readonly (readonly [Role, string])[] = [
  ['admin', 'Administrator: users, feeds, grants and lanes; approves nothing by that'],
  ['auditor', 'Auditor: reads the audit log'],
]

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
  const [given, setGiven] = useState({
    username: '',
    displayName: '',
    groups: '',
    roles: [] as Role[],
    password: '',
  })
  const make = useAction(
    () =>
      client().createUser({
        body: {
          username: given.username,
          ...(given.displayName !== '' && { displayName: given.displayName }),
          ...(given.password !== '' && { password: given.password, mustChangePassword: true }),
          roles: given.roles,
          groups: words(given.groups),
        },
      }),
    { refresh: ['users'], done: ({ password }) => (password === undefined ? onClose() : undefined) },
  )
  if (make.answer?.password !== undefined) {
    return (
      <Once
        what={`The first password of ${make.answer.username}, who chooses another when signing in.`}
        secret={make.answer.password}
        onClose={onClose}
      />
    )
  }
  return (
    <Form action={make} does="Make the user" onClose={onClose}>
      <TextField
        label="User name"
        required
        autoCapitalize="none"
        spellCheck={false}
        value={given.username}
        wrong={make.wrong('username')}
        onChange={(event) => setGiven({ ...given, username: event.target.value })}
      />
      <TextField
        label="Name"
        value={given.displayName}
        wrong={make.wrong('displayName')}
        onChange={(event) => setGiven({ ...given, displayName: event.target.value })}
      />
      <TextField
        label="First password"
        type="password"
        autoComplete="new-password"
        hint="Empty: one is made and shown once. It is changed at the first sign-in."
        value={given.password}
        wrong={make.wrong('password')}
        onChange={(event) => setGiven({ ...given, password: event.target.value })}
      />
      <TextField
        label="Groups"
        hint="Names, separated by spaces"
        value={given.groups}
        wrong={make.wrong('groups')}
        onChange={(event) => setGiven({ ...given, groups: event.target.value })}
      />
      <Roles roles={given.roles} onChange={(roles) => setGiven({ ...given, roles })} />
    </Form>
  )
}

export function EditUser({ user, onClose }: { user: User; onClose: () => void }) {
  const [given, setGiven] = useState({
    displayName: user.displayName,
    groups: user.groups.join(' '),
    roles: user.roles,
    password: '',
    disabled: user.disabled,
  })
  const save = useAction(
    () =>
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
    { refresh: ['users'], done: onClose },
  )
  return (
    <Form action={save} does="Save" onClose={onClose}>
      <TextField
        label="Name"
        required
        value={given.displayName}
        wrong={save.wrong('displayName')}
        onChange={(event) => setGiven({ ...given, displayName: event.target.value })}
      />
      <TextField
        label="Groups"
        hint="Names, separated by spaces"
        value={given.groups}
        wrong={save.wrong('groups')}
        onChange={(event) => setGiven({ ...given, groups: event.target.value })}
      />
      <Roles roles={given.roles} onChange={(roles) => setGiven({ ...given, roles })} />
      <TextField
        label="New password"
        type="password"
        autoComplete="new-password"
        hint="Empty: stays. A new one is changed at the next sign-in."
        value={given.password}
        wrong={save.wrong('password')}
        onChange={(event) => setGiven({ ...given, password: event.target.value })}
      />
      <Check
        label="Disabled: signs in nowhere; what was done stays recorded"
        checked={given.disabled}
        onChange={(event) => setGiven({ ...given, disabled: event.target.checked })}
      />
    </Form>
  )
}
