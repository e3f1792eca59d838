import { client } from '../session/client.ts'
import type { PagesOf } from '../parts/paging.ts'
import type { Executed } from '@sluice/contract'

/** What both lists of the history are searched by; days are the viewer's. */
export type Filter = {
  feed?: string
  repository?: string
  tag?: string
  digest?: string
  actor?: string
  since?: string
  until?: string
}

/** As the api takes it: a day lasts from its first moment until the next day's. */
export function asked({ since, until, ...rest }: Filter) {
  const day = (date: string, days: number) => {
    const at = new Date(`${date}T00:00:00`)
    if (Number.isNaN(at.getTime())) return undefined
    at.setDate(at.getDate() + days)
    return at.toISOString()
  }
  const [from, to] = [since && day(since, 0), until && day(until, 1)]
  return { ...rest, ...(from && { since: from }), ...(to && { until: to }) }
}

/** Promotions that ended, the latest first. */
export function promotionPages(filter: Filter): PagesOf<Executed> {
  const query = asked(filter)
  return {
    key: ['promotions', query],
    fetchPage: (page) => client().listPromotions({ query: { ...query, ...page } }),
    keyOf: ({ id }) => id,
  }
}
