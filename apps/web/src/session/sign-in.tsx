import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { useEffect, useState } from 'react'
import { TextField } from '../parts/field.tsx'
import { Mark } from '../shell/shell.tsx'
import { client, messageOf, statusOf } from './client.ts'
import { returnPath } from './return-path.ts'
import { session } from './session.ts'

export function SignIn() {
  const search = useSearch({ from: '/sign-in' })
  const navigate = useNavigate()
  const queries = useQueryClient()
  const [username, setUsername] = useState('')
  const [password, setPassword] = useState('')
  useEffect(() => {
    document.title = 'Sign in · Sluice'
  }, [])
  const back = returnPath(search.return)
  const signIn = useMutation({
    mutationFn: () => client().login({ body: { username, password } }),
    onSuccess: async (answer) => {
      queries.clear()
      session.begin(answer)
      if (answer.mustChangePassword) await navigate({ to: '/password', search: { return: back } })
      else await navigate({ href: back, replace: true })
    },
  })
  return (
    <main className="door">
      <div>
        <div className="brand">
          <Mark />
          Sluice
        </div>
        {search.return !== undefined && !signIn.isError && (
          <p className="soft">Sign in to go on where you were.</p>
        )}
        <form
          className="panel"
          aria-label="Sign in"
          onSubmit={(event) => {
            event.preventDefault()
            signIn.mutate()
          }}
        >
          <div className="body stack">
            <h1>Sign in</h1>
            <TextField
              label="User name"
              name="username"
              autoComplete="username"
              autoCapitalize="none"
              spellCheck={false}
              autoFocus
              required
              value={username}
              onChange={(event) => setUsername(event.target.value)}
            />
            <TextField
              label="Password"
              name="password"
              type="password"
              autoComplete="current-password"
              required
              value={password}
              onChange={(event) => setPassword(event.target.value)}
            />
            {signIn.isError && (
              <div className="notice bad" role="alert">
                {statusOf(signIn.error) === 401 ? 'User name or password is wrong.' : messageOf(signIn.error)}
              </div>
            )}
            <button type="submit" className="button primary wide" disabled={signIn.isPending}>
              {signIn.isPending ? 'Signing in …' : 'Sign in'}
            </button>
          </div>
        </form>
      </div>
    </main>
  )
}
