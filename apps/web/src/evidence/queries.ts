import { queryOptions } from '@tanstack/react-query'
import { allPages } from '../parts/paging.ts'
import { client } from '../session/client.ts'

const MOST = 400

/** What is known about these digests (an index and one of its platforms), the newest first. */
export const evidenceQuery = (digests: readonly string[]) =>
  queryOptions({
    queryKey: ['evidence', digests],
    queryFn: async () => {
      const lists = await Promise.all(
        digests.map((digest) =>
          allPages((page) => client().listEvidence({ query: { digest, ...page } }), MOST),
        ),
      )
      return lists.flat().sort((a, b) => (a.receivedAt < b.receivedAt ? 1 : -1))
    },
    staleTime: 15_000,
  })

/** Its raw bytes; evidence never changes. */
export const contentQuery = (id: string | undefined) =>
  queryOptions({
    queryKey: ['evidence-content', id],
    enabled: id !== undefined,
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: () => client().getEvidence({ params: { id: id ?? '' } }),
  })
