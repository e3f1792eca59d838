import type { Token } from '@sluice/contract'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { words } from '../format/words.ts'
import { Dialog } from '../parts/dialog.tsx'
import { SelectField, TextArea, TextField } from '../parts/field.tsx'
import { Form, useAction } from '../parts/form.tsx'
import { PageHead } from '../parts/page.tsx'
import { usePages } from '../parts/paging.ts'
import { Await, Empty, Refused } from '../parts/states.tsx'
import { type Column, Table } from '../parts/table.tsx'
import { Age } from '../parts/time.tsx'
import { client } from '../session/client.ts'
import { Once } from './once.tsx'

export function Tokens() {
  const queries = useQueryClient()
  const [making, setMaking] = useState(false)
  const { list, more } = usePages(['tokens'], (page) => client().listTokens({ query: page }))
  const revoke = useMutation({
    mutationFn: (id: string) => client().revokeToken({ params: { id } }),
    onSuccess: () => queries.invalidateQueries({ queryKey: ['tokens'] }),
  })
  const columns: readonly Column<Token>[] = [
    {
      head: 'Token',
      width: 'minmax(0, 1.4fr)',
      named: false,
      cell: ({ name, robot }) => (
        <>
          <strong className="breaks">{name}</strong>
          {robot !== null && <div className="soft small breaks">of the robot {robot}</div>}
        </>
      ),
    },
    {
      head: 'May',
      width: 'minmax(0, 1.4fr)',
      cell: ({ scopes }) => (
        <span className="breaks">{scopes.includes('*') ? 'all that you may' : scopes.join(', ')}</span>
      ),
    },
    {
      head: 'Used',
      width: '120px',
      cell: ({ lastUsedAt }) =>
        lastUsedAt === null ? <span className="soft">never</span> : <Age at={lastUsedAt} />,
    },
    { head: 'Ends', width: '120px', cell: ({ expiresAt }) => <Age at={expiresAt} /> },
    {
      head: 'Do',
      width: '90px',
      end: true,
      named: false,
      cell: ({ id, name }) => (
        <button
          type="button"
          className="button small danger"
          aria-label={`Revoke ${name}`}
          disabled={revoke.isPending}
          onClick={() => revoke.mutate(id)}
        >
          Revoke
        </button>
      ),
    },
  ]
  return (
    <>
      <PageHead
        title="API tokens"
        actions={
          <button type="button" className="button primary" onClick={() => setMaking(true)}>
            New token …
          </button>
        }
      >
        <p>For CI and the command line. A token is also a password for docker login.</p>
      </PageHead>
      <Refused error={revoke.error} />
      <Await query={list}>
        {(tokens) =>
          tokens.length === 0 ? (
            <div className="panel">
              <Empty title="You have no tokens" />
            </div>
          ) : (
            <Table label="API tokens" columns={columns} items={tokens} keyOf={({ id }) => id} more={more} />
          )
        }
      </Await>
      <Dialog title="New token" open={making} onClose={() => setMaking(false)}>
        <NewToken onClose={() => setMaking(false)} />
      </Dialog>
    </>
  )
}

const DAYS = [7, 30, 90, 365]

function NewToken({ onClose }: { onClose: () => void }) {
  const [given, setGiven] = useState({ name: '', robot: '', scopes: '', days: 90 })
  const make = useAction(
    () =>
      client().createToken({
        body: {
          name: given.name,
          scopes: words(given.scopes),
          expiresAt: new Date(Date.now() + given.days * 86_400_000).toISOString(),
          ...(given.robot !== '' && { robot: given.robot }),
        },
      }),
    { refresh: ['tokens'] },
  )
  if (make.answer !== undefined) {
    return <Once what={`The token ${make.answer.name}.`} secret={make.answer.secret} onClose={onClose} />
  }
  return (
    <Form action={make} does="Make the token" onClose={onClose}>
      <TextField
        label="Name"
        required
        hint="What it is for"
        value={given.name}
        wrong={make.wrong('name')}
        onChange={(event) => setGiven({ ...given, name: event.target.value })}
      />
      <TextArea
        label="May"
        required
        rows={2}
        placeholder="push:dev pull:dev request:trusted"
        hint="Verbs on feeds as VERB:FEED, or * for all that you may"
        value={given.scopes}
        wrong={make.wrong('scopes')}
        onChange={(event) => setGiven({ ...given, scopes: event.target.value })}
      />
      <TextField
        label="Robot"
        hint="Empty: it acts as you. A robot decides nothing, and counts as you where requesters are excluded."
        value={given.robot}
        wrong={make.wrong('robot')}
        onChange={(event) => setGiven({ ...given, robot: event.target.value })}
      />
      <SelectField
        label="Ends after"
        value={String(given.days)}
        choices={DAYS.map((days) => ({ value: String(days), label: `${days} days` }))}
        onChange={(event) => setGiven({ ...given, days: Number(event.target.value) })}
      />
    </Form>
  )
}
