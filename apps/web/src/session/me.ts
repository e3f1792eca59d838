import type { Me, Verb } from '@sluice/contract'
import { queryOptions, useQuery } from '@tanstack/react-query'
import { client } from './client.ts'

export const meQuery = queryOptions({
  queryKey: ['me'],
  queryFn: () => client().getMe(),
  staleTime: 30_000,
})

/** Who is signed in; the shell shows nothing below it until this is known. */
export function useMe(): Me {
  const { data } = useQuery(meQuery)
  if (data === undefined) throw new Error('a view was shown before the session was known')
  return data
}

export function may(me: Me, verb: Verb, feed: string): boolean {
  return me.grants.some((grant) => grant.feed === feed && grant.verbs.includes(verb))
}
