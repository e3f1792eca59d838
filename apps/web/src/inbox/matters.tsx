import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { lanesQuery } from '../feeds/queries.ts'
import { shortDigest } from '../format/digest.ts'
import { Chip, type Tone } from '../parts/chip.tsx'
import { type Column, Table } from '../parts/table.tsx'
import { Age } from '../parts/time.tsx'
import { purgesQuery } from '../recall/queries.ts'
import { happened, useAlerts } from '../remote/alerts.tsx'
import { requestName } from '../request/naming.ts'
import { reviewable } from '../request/review.tsx'
import { may, useMe } from '../session/me.ts'
import { useReviews } from './queries.ts'

/** Something beside requests that waits for this person. */
export type Matter = {
  readonly key: string
  readonly tone: Tone
  readonly kind: string
  readonly name: string
  readonly link: ReactNode
  readonly about: string
  readonly by: string
  readonly at: string
}

/** What of it the filter of the inbox asks for. */
export const mattersFor = (matters: readonly Matter[], find: string | undefined) =>
  matters.filter(({ name, about, by, kind }) =>
    [name, about, by, kind].some((text) => text.toLowerCase().includes(find?.toLowerCase() ?? '')),
  )

/** Reviews of broken glass, purges and lane changes that this person may settle; the newest first. */
export function useMatters(): readonly Matter[] {
  const me = useMe()
  const reviews = useReviews()
  const alerts = useAlerts()
  const purges = useQuery(purgesQuery)
  const lanes = useQuery({ ...lanesQuery, refetchInterval: 30_000 })
  const person = me.kind === 'person'
  const admin = person && me.roles.includes('admin')
  const matters = [
    ...(reviews.data ?? [])
      .filter((request) => reviewable(request, me))
      .map((request) => ({
        key: request.id,
        tone: 'bad' as const,
        kind: 'Break-glass to review',
        name: requestName(request),
        link: (
          <Link to="/requests/$id" params={{ id: request.id }} search={{}} className="main">
            {requestName(request)}
          </Link>
        ),
        about: `let into ${request.lane.to} without a quorum: ${request.reason ?? ''}`,
        by: request.requester,
        at: request.createdAt,
      })),
    ...(alerts.data ?? [])
      .filter(({ feed }) => may(me, 'admin', feed))
      .map((alert) => ({
        key: alert.id,
        tone: 'bad' as const,
        kind: 'Tag changed elsewhere',
        name: `${alert.feed}/${alert.repository}:${alert.tag}`,
        link: (
          <Link
            to="/"
            search={{ show: 'wrong', find: `${alert.feed}/${alert.repository}:${alert.tag}` }}
            className="main"
          >
            {alert.feed}/{alert.repository}:{alert.tag}
          </Link>
        ),
        about: happened(alert),
        by: 'its registry',
        at: alert.firstSeen,
      })),
    ...(purges.data ?? [])
      .filter(
        ({ confirmed, openedBy, feed }) =>
          confirmed === null && openedBy !== me.name && person && (admin || may(me, 'recall', feed)),
      )
      .map(({ id, digest, feed, reason, openedBy, openedAt }) => ({
        key: id,
        tone: 'bad' as const,
        kind: 'Purge to confirm',
        name: digest,
        link: (
          <Link to="/digests/$digest" params={{ digest }} className="main">
            {shortDigest(digest)}
          </Link>
        ),
        about: `recalled from ${feed}: ${reason}`,
        by: openedBy,
        at: openedAt,
      })),
    ...(lanes.data ?? []).flatMap(({ name, pending }) =>
      pending === null || !admin || pending.by === me.name
        ? []
        : {
            key: pending.id,
            tone: 'wait' as const,
            kind: 'Lane change to confirm',
            name,
            link: (
              <Link to="/lanes/$lane" params={{ lane: name }} search={{}} className="main">
                {name}
              </Link>
            ),
            about: { create: 'a new lane', put: 'a new policy', remove: 'its removal' }[pending.kind],
            by: pending.by,
            at: pending.at,
          },
    ),
  ]
  return matters.toSorted((a, b) => (a.at < b.at ? 1 : -1))
}

const columns: readonly Column<Matter>[] = [
  {
    head: 'What',
    width: 'minmax(0, 3fr)',
    named: false,
    cell: ({ link, about }) => (
      <>
        {link}
        <div className="soft small breaks">{about}</div>
      </>
    ),
  },
  { head: 'To do', width: '210px', named: false, cell: ({ tone, kind }) => <Chip tone={tone}>{kind}</Chip> },
  { head: 'By', width: 'minmax(0, 1fr)', cell: ({ by }) => <span className="breaks">{by}</span> },
  { head: 'Since', width: '120px', end: true, cell: ({ at }) => <Age at={at} /> },
]

export function Matters({ matters }: { matters: readonly Matter[] }) {
  if (matters.length === 0) return null
  return (
    <div className="matters">
      <Table label="Confirmations and reviews" columns={columns} items={matters} keyOf={({ key }) => key} />
    </div>
  )
}
