import type { Feed, RepositoryAddress } from '../ports.ts'

/** What names one thing of one repository. */
export const placeKey = ({ feed, repository }: RepositoryAddress, what: string): string =>
  `${feed.id} ${repository} ${what}`

/** The registry behind a proxy feed, for messages. */
export const upstreamOf = ({ upstream }: Feed): string => upstream ?? ''
