import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { useId, useRef, useState } from 'react'
import { TextField } from '../parts/field.tsx'
import { client, statusOf } from '../session/client.ts'
import { imageOf } from './asked.ts'

const OFFERED = 30

/** Names an image of a feed: repositories and tags are offered while they are typed. */
export function Picker({ feed, onPick }: { feed: string; onPick: (image: string) => void }) {
  const id = useId()
  const first = useRef<HTMLDivElement>(null)
  const [repository, setRepository] = useState('')
  const [tag, setTag] = useState('')
  const repositories = useOffered(['repositories', feed, 'offered', { find: repository }], async () => {
    const query = { limit: OFFERED, ...(repository !== '' && { find: repository.toLowerCase() }) }
    return (await client().listRepositories({ params: { feed }, query })).items.map(({ name }) => name)
  })
  const known = repositories.includes(repository)
  const tags = useOffered(
    ['tags', feed, repository, 'offered', { find: tag }],
    async () => {
      const query = { repository, order: 'desc' as const, limit: OFFERED, ...(tag !== '' && { find: tag }) }
      return (await client().listTags({ params: { feed }, query })).items
        .filter(({ virtual }) => !virtual)
        .map((one) => one.tag)
    },
    known,
  )
  return (
    <form
      className="picker"
      aria-label="Add an image"
      autoComplete="off"
      onSubmit={(event) => {
        event.preventDefault()
        onPick(imageOf(repository, tag))
        setRepository('')
        setTag('')
        first.current?.querySelector('input')?.focus()
      }}
    >
      <div ref={first}>
        <TextField
          label={`Repository in ${feed}`}
          placeholder="team/app"
          list={`${id}-repositories`}
          required
          value={repository}
          onChange={(event) => setRepository(event.target.value)}
        />
        <datalist id={`${id}-repositories`}>
          {repositories.map((name) => (
            <option key={name} value={name} />
          ))}
        </datalist>
      </div>
      <div>
        <TextField
          label="Tag or digest"
          placeholder={known ? (tags[0] ?? '') : '1.4.2'}
          list={`${id}-tags`}
          required
          value={tag}
          onChange={(event) => setTag(event.target.value)}
        />
        <datalist id={`${id}-tags`}>
          {tags.map((name) => (
            <option key={name} value={name} />
          ))}
        </datalist>
      </div>
      <button type="submit" className="button">
        Add
      </button>
    </form>
  )
}

/** Names to choose from; what cannot be listed may still be typed. */
function useOffered(queryKey: readonly unknown[], names: () => Promise<string[]>, enabled = true): string[] {
  const { data } = useQuery({
    queryKey,
    queryFn: () =>
      names().catch((error: unknown) => {
        if (statusOf(error) === 404) return []
        throw error
      }),
    enabled,
    staleTime: 30_000,
    placeholderData: keepPreviousData,
  })
  return enabled ? (data ?? []) : []
}
