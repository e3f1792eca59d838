import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { useEffect, useState } from 'react'
import { TextField } from '../parts/field.tsx'
import { Await, Refused } from '../parts/states.tsx'
import { Mark } from '../shell/shell.tsx'
import { client, fieldErrorsOf } from './client.ts'
import { meQuery } from './me.ts'
import { returnPath } from './return-path.ts'
import { session } from './session.ts'

/** Also the only view of a person whose password was set by somebody else. */
export function Password() {
  const me = useQuery(meQuery)
  useEffect(() => {
    document.title = 'Change password · Sluice'
  }, [])
  return (
    <main className="door">
      <div>
        <div className="brand">
          <Mark />
          Sluice
        </div>
        <Await query={me}>{(data) => <Form name={data.name} must={data.mustChangePassword} />}</Await>
      </div>
    </main>
  )
}

function Form({ name, must }: { name: string; must: boolean }) {
  const search = useSearch({ from: '/password' })
  const navigate = useNavigate()
  const queries = useQueryClient()
  const [given, setGiven] = useState({ current: '', next: '', again: '' })
  const set = (field: keyof typeof given) => (event: { target: { value: string } }) =>
    setGiven({ ...given, [field]: event.target.value })
  const back = returnPath(search.return)
  const differs = given.again !== '' && given.again !== given.next
  const change = useMutation({
    mutationFn: async () => {
      await client().changePassword({ body: { current: given.current, next: given.next } })
      // A new password ends every session, this one too.
      session.begin(await client().login({ body: { username: name, password: given.next } }))
    },
    onSuccess: async () => {
      queries.clear()
      await navigate({ href: back, replace: true })
    },
  })
  const wrong = fieldErrorsOf(change.error)
  return (
    <form
      className="panel"
      aria-label="Change password"
      onSubmit={(event) => {
        event.preventDefault()
        if (given.again === given.next) change.mutate()
      }}
    >
      <div className="body stack">
        <h1>{must ? 'Choose your own password' : 'Change password'}</h1>
        {must && (
          <p className="soft">
            The one you have was set by somebody else. Nothing else is open until it is changed.
          </p>
        )}
        <input type="text" name="username" autoComplete="username" value={name} readOnly hidden />
        <TextField
          label="Password now"
          type="password"
          autoComplete="current-password"
          required
          value={given.current}
          wrong={wrong.get('current')}
          onChange={set('current')}
        />
        <TextField
          label="New password"
          type="password"
          autoComplete="new-password"
          minLength={8}
          required
          hint="8 characters or more"
          value={given.next}
          wrong={wrong.get('next')}
          onChange={set('next')}
        />
        <TextField
          label="New password again"
          type="password"
          autoComplete="new-password"
          required
          value={given.again}
          wrong={differs ? 'This is not the same as above' : undefined}
          onChange={set('again')}
        />
        <Refused error={change.error} />
        <div className="row">
          <button type="submit" className="button primary" disabled={change.isPending || differs}>
            {change.isPending ? 'Changing …' : 'Change password'}
          </button>
          {!must && (
            <button type="button" className="button quiet" onClick={() => void navigate({ href: back })}>
              Back
            </button>
          )}
        </div>
      </div>
    </form>
  )
}
