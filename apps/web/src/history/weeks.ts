import type { Request } from '@sluice/contract'

export type Week = {
  /** Its Monday, as `YYYY-MM-DD` of the viewer's zone. */
  readonly monday: string
  readonly promoted: number
  readonly failed: number
  /** Medians in milliseconds; null where nothing was. */
  readonly lead: number | null
  readonly wait: number | null
}

type Counted = Pick<Request, 'createdAt' | 'decidedAt'> & {
  readonly promotion: Pick<NonNullable<Request['promotion']>, 'state' | 'finishedAt'> | null
}

/** The last `count` weeks, the oldest first; each promotion counts in the week in which it ended. */
export function byWeek(requests: readonly Counted[], now: Date, count: number): Week[] {
  const start = monday(now)
  const weeks = Array.from({ length: count }, (_, position) => {
    const first = new Date(start)
    first.setDate(first.getDate() - 7 * (count - 1 - position))
    return first
  })
  return weeks.map((first, position) => {
    const next = weeks[position + 1]?.getTime() ?? Number.POSITIVE_INFINITY
    const within = (at: string | null | undefined) =>
      at != null && Date.parse(at) >= first.getTime() && Date.parse(at) < next
    const ended = requests.filter(({ promotion }) => within(promotion?.finishedAt))
    const promoted = ended.filter(({ promotion }) => promotion?.state === 'SUCCEEDED')
    const decided = requests.filter(({ decidedAt }) => within(decidedAt))
    return {
      monday: dateOf(first),
      promoted: promoted.length,
      failed: ended.filter(({ promotion }) => promotion?.state === 'FAILED' || promotion?.state === 'ERRORED')
        .length,
      lead: median(promoted.map(({ createdAt, promotion }) => between(createdAt, promotion?.finishedAt))),
      wait: median(decided.map(({ createdAt, decidedAt }) => between(createdAt, decidedAt))),
    }
  })
}

const between = (from: string, to: string | null | undefined): number =>
  Date.parse(to ?? from) - Date.parse(from)

function monday(now: Date): Date {
  const day = new Date(now)
  day.setHours(0, 0, 0, 0)
  day.setDate(day.getDate() - ((day.getDay() + 6) % 7))
  return day
}

function dateOf(day: Date): string {
  const two = (part: number) => String(part).padStart(2, '0')
  return `${day.getFullYear()}-${two(day.getMonth() + 1)}-${two(day.getDate())}`
}

export function median(values: readonly number[]): number | null {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  const upper = sorted[middle]
  if (upper === undefined) return null
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2
}
