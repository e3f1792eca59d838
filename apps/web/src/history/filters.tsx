import { useQuery } from '@tanstack/react-query'
import { type FormEvent, useId, useState } from 'react'
import { feedsQuery } from '../feeds/queries.ts'
import { SelectField, TextField } from '../parts/field.tsx'
import { client } from '../session/client.ts'
import type { Filter } from './queries.ts'

/** Applied when they are sent, all at once; `All` takes them away. */
export function Filters({
  filter,
  actor,
  onShow,
}: {
  filter: Filter
  /** Whom the field for a person looks for, in a word or two. */
  actor: string
  onShow: (filter: Filter) => void
}) {
  const feeds = useQuery(feedsQuery)
  const [given, setGiven] = useState(filter)
  const lists = useId()
  const known = useQuery({
    queryKey: ['repositories', given.feed, 'suggested'],
    queryFn: () => client().listRepositories({ params: { feed: given.feed ?? '' }, query: { limit: 200 } }),
    enabled: given.feed !== undefined && given.feed !== '',
    staleTime: 60_000,
  })
  const set = (field: keyof Filter) => (event: { target: { value: string } }) =>
    setGiven({ ...given, [field]: event.target.value })
  const show = (event: FormEvent) => {
    event.preventDefault()
    const chosen = Object.entries(given).map(([name, value]) => [name, value.trim()] as const)
    onShow(Object.fromEntries(chosen.filter(([, value]) => value !== '')))
  }
  return (
    <search>
      <form className="filters many" onSubmit={show}>
        <SelectField
          label="Feed"
          value={given.feed ?? ''}
          choices={[
            { value: '', label: 'All feeds' },
            ...(feeds.data ?? []).map(({ name }) => ({ value: name, label: name })),
          ]}
          onChange={set('feed')}
        />
        <TextField
          label="Repository"
          list={lists}
          value={given.repository ?? ''}
          onChange={set('repository')}
        />
        <datalist id={lists}>
          {known.data?.items.map(({ name }) => (
            <option key={name} value={name} />
          ))}
        </datalist>
        <TextField label="Tag" value={given.tag ?? ''} onChange={set('tag')} />
        <TextField label="Digest" value={given.digest ?? ''} onChange={set('digest')} />
        <TextField label="Person" placeholder={actor} value={given.actor ?? ''} onChange={set('actor')} />
        <TextField label="From" type="date" value={given.since ?? ''} onChange={set('since')} />
        <TextField label="To" type="date" value={given.until ?? ''} onChange={set('until')} />
        <div className="row">
          <button type="submit" className="button">
            Show
          </button>
          {Object.keys(filter).length > 0 && (
            <button type="button" className="button quiet" onClick={() => onShow({})}>
              All
            </button>
          )}
        </div>
      </form>
    </search>
  )
}
