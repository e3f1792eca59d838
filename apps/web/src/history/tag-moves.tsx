import { useQuery } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { type FormEvent, useId, useState } from 'react'
import { feedsQuery, tagsQuery } from '../feeds/queries.ts'
import { TagLife } from '../feeds/tag-life.tsx'
import { Digest } from '../parts/copy.tsx'
import { SelectField, TextField } from '../parts/field.tsx'
import { PageHead, Panel } from '../parts/page.tsx'
import { allPages } from '../parts/paging.ts'
import { Await, Empty } from '../parts/states.tsx'
import { Moment } from '../parts/time.tsx'
import { client } from '../session/client.ts'
import { may, useMe } from '../session/me.ts'
import { HistoryTabs } from './history-tabs.tsx'

/** What a tag was at any time. */
export function TagMoves() {
  const { feed, repository, tag, at } = useSearch({ from: '/shell/history/tags' })
  const known = feed !== undefined && repository !== undefined && tag !== undefined
  return (
    <>
      <PageHead title="Tag moves" />
      <HistoryTabs />
      <Choice />
      {known ? (
        <div className="stack">
          {at !== undefined && <Then feed={feed} repository={repository} tag={tag} at={at} />}
          <Panel title={`${feed}/${repository}:${tag}`} flush>
            <TagLife feed={feed} repository={repository} tag={tag} />
          </Panel>
        </div>
      ) : (
        <div className="panel">
          <Empty title="Which tag?">
            <p>Choose a feed, a repository and a tag. With a time it also tells what the tag was then.</p>
          </Empty>
        </div>
      )}
    </>
  )
}

function Choice() {
  const me = useMe()
  const search = useSearch({ from: '/shell/history/tags' })
  const navigate = useNavigate({ from: '/history/tags' })
  const feeds = useQuery(feedsQuery)
  const names = (feeds.data ?? []).map(({ name }) => name).filter((name) => may(me, 'pull', name))
  const [given, setGiven] = useState<{ feed?: string; repository?: string; tag?: string; at?: string }>(
    search,
  )
  const feed = given.feed ?? names[0] ?? ''
  const repositories = useQuery({
    queryKey: ['repositories', feed, 'all'],
    queryFn: () => allPages((page) => client().listRepositories({ params: { feed }, query: page }), 1_000),
    enabled: feed !== '',
  })
  const tags = useQuery({
    ...tagsQuery(feed, given.repository ?? ''),
    enabled: repositories.data?.some(({ name }) => name === given.repository) === true,
  })
  const lists = useId()
  const set = (field: string) => (event: { target: { value: string } }) =>
    setGiven({ ...given, [field]: event.target.value })
  const show = (event: FormEvent) => {
    event.preventDefault()
    const chosen = { ...given, feed }
    void navigate({ search: Object.fromEntries(Object.entries(chosen).filter(([, value]) => value !== '')) })
  }
  return (
    <search>
      <form className="filters" onSubmit={show}>
        <SelectField
          label="Feed"
          value={feed}
          choices={names.map((value) => ({ value, label: value }))}
          onChange={set('feed')}
        />
        <TextField
          label="Repository"
          required
          list={`${lists}-repositories`}
          value={given.repository ?? ''}
          onChange={set('repository')}
        />
        <datalist id={`${lists}-repositories`}>
          {repositories.data?.map(({ name }) => (
            <option key={name} value={name} />
          ))}
        </datalist>
        <TextField
          label="Tag"
          required
          list={`${lists}-tags`}
          value={given.tag ?? ''}
          onChange={set('tag')}
        />
        <datalist id={`${lists}-tags`}>
          {tags.data?.map(({ tag }) => (
            <option key={tag} value={tag} />
          ))}
        </datalist>
        <TextField label="At" type="datetime-local" value={given.at ?? ''} onChange={set('at')} />
        <button type="submit" className="button">
          Show
        </button>
      </form>
    </search>
  )
}

function Then({ feed, repository, tag, at }: { feed: string; repository: string; tag: string; at: string }) {
  const time = new Date(at)
  const valid = !Number.isNaN(time.getTime())
  const then = useQuery({
    queryKey: ['tag-at', feed, repository, tag, at],
    queryFn: () =>
      client().listTagHistory({ params: { feed }, query: { repository, tag, at: time.toISOString() } }),
    enabled: valid,
  })
  if (!valid) return null
  return (
    <Panel title="At that time">
      <Await query={then} lines={1}>
        {({ digest }) => (
          <p className="row">
            <Moment at={time.toISOString()} />
            {digest == null ? ' it was not there.' : <Digest digest={digest} whole link />}
          </p>
        )}
      </Await>
    </Panel>
  )
}
