import { type Grant, type Verb, verbs } from '@sluice/contract'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { useState } from 'react'
import { Check, SelectField, TextField } from '../parts/field.tsx'
import { PageHead, Panel } from '../parts/page.tsx'
import { Await, Empty, Refused } from '../parts/states.tsx'
import { client, fieldErrorsOf, statusOf } from '../session/client.ts'
import { useMe } from '../session/me.ts'
import { AdminTabs } from './admin-tabs.tsx'
import { Administers } from './administers.tsx'

export function Grants() {
  return (
    <Administers>
      <OfFeed />
    </Administers>
  )
}

function OfFeed() {
  const me = useMe()
  const navigate = useNavigate({ from: '/admin/grants' })
  const feeds = me.grants.filter(({ verbs }) => verbs.includes('admin')).map(({ feed }) => feed)
  const feed = useSearch({ from: '/shell/admin/grants' }).feed ?? feeds[0]
  return (
    <>
      <PageHead title="Grants">
        <p>
          Who may do what on a feed. To ask for a promotion takes pull on its from feed and request on its to
          feed.
        </p>
      </PageHead>
      <AdminTabs />
      {feed === undefined ? (
        <div className="panel">
          <Empty title="You administer no feed" />
        </div>
      ) : (
        <>
          <div className="filters">
            <SelectField
              label="Feed"
              value={feed}
              choices={feeds.map((value) => ({ value, label: value }))}
              onChange={(event) => void navigate({ search: { feed: event.target.value } })}
            />
          </div>
          <Of key={feed} feed={feed} />
        </>
      )}
    </>
  )
}

function Of({ feed }: { feed: string }) {
  const grants = useQuery({
    queryKey: ['grants', feed, 'tagged'],
    queryFn: () => client().send('getGrants', { params: { feed } }),
    // Edited in place: what others change meanwhile is met when saving.
    refetchOnWindowFocus: false,
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 0,
  })
  return (
    <Await query={grants}>
      {({ body, etag }) => (
        <Edit key={etag} feed={feed} kept={body.items} etag={etag} again={() => void grants.refetch()} />
      )}
    </Await>
  )
}

function Edit({
  feed,
  kept,
  etag,
  again,
}: {
  feed: string
  kept: readonly Grant[]
  etag: string | null
  again: () => void
}) {
  const queries = useQueryClient()
  const [grants, setGrants] = useState<readonly Grant[]>(kept)
  const [principal, setPrincipal] = useState('')
  const save = useMutation({
    mutationFn: () =>
      client().putGrants({
        params: { feed },
        headers: etag === null ? {} : { 'if-match': etag },
        body: grants.filter(({ verbs }) => verbs.length > 0),
      }),
    onSuccess: () => {
      void queries.invalidateQueries({ queryKey: ['me'] })
      void queries.invalidateQueries({ queryKey: ['grants', feed] })
    },
  })
  const set = (at: number, verb: Verb, on: boolean) =>
    setGrants(
      grants.map((grant, position) =>
        position === at
          ? { ...grant, verbs: verbs.filter((one) => (one === verb ? on : grant.verbs.includes(one))) }
          : grant,
      ),
    )
  const add = () => {
    const name = principal.trim()
    if (name === '') return
    const full = name === '*' || name.includes(':') ? name : `user:${name}`
    if (!grants.some((grant) => grant.principal === full))
      setGrants([...grants, { principal: full, verbs: ['pull'] }])
    setPrincipal('')
  }
  const changed = JSON.stringify(grants) !== JSON.stringify(kept)
  const conflict = statusOf(save.error) === 412
  const fields = [...fieldErrorsOf(save.error)]
  return (
    <Panel title={`Grants on ${feed}`}>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault()
          save.mutate()
        }}
      >
        {grants.length === 0 && <p className="soft">Nobody has a grant.</p>}
        {grants.map((grant, at) => (
          <fieldset key={grant.principal}>
            <legend className="breaks">
              {grant.principal === '*' ? '* (anyone, also who is not signed in)' : grant.principal}
            </legend>
            <div className="verbs">
              {verbs.map((verb) => (
                <Check
                  key={verb}
                  label={verb}
                  checked={grant.verbs.includes(verb)}
                  onChange={(event) => set(at, verb, event.target.checked)}
                />
              ))}
            </div>
          </fieldset>
        ))}
        <div className="add">
          <TextField
            label="Add"
            placeholder="user:x, group:x, robot:x or *"
            value={principal}
            onChange={(event) => setPrincipal(event.target.value)}
            onKeyDown={(event) => {
              if (event.key !== 'Enter') return
              event.preventDefault()
              add()
            }}
          />
          <button type="button" className="button" onClick={add} disabled={principal.trim() === ''}>
            Add
          </button>
        </div>
        {conflict ? (
          <div className="notice wait" role="alert">
            Somebody else changed these grants meanwhile.
            <button type="button" className="button small" onClick={again}>
              Show them as they are now
            </button>
          </div>
        ) : (
          <Refused error={save.error} />
        )}
        {!conflict && fields.length > 1 && (
          <ul className="small">
            {fields.map(([field, message]) => (
              <li key={field}>
                {field}: {message}
              </li>
            ))}
          </ul>
        )}
        <div className="row">
          <button type="submit" className="button primary" disabled={!changed || save.isPending}>
            Save the grants
          </button>
          <span className="soft small">A grant without verbs is removed.</span>
        </div>
      </form>
    </Panel>
  )
}
