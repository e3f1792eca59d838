import type { Executed, FoundMove } from '@sluice/contract'

type Columns<T> = Readonly<Record<string, (row: T) => string | null>>

export const promotionColumns: Columns<Executed> = {
  id: ({ id }) => id,
  request: ({ requestId }) => requestId,
  state: ({ state }) => state,
  digest: ({ digest }) => digest,
  targets: ({ targets }) =>
    targets.map(({ feed, repository, tag }) => `${feed}/${repository}:${tag}`).join(' '),
  requester: ({ requester }) => requester,
  approvers: ({ approvers }) => approvers.join(' '),
  startedAt: ({ startedAt }) => startedAt,
  finishedAt: ({ finishedAt }) => finishedAt,
}

export const moveColumns: Columns<FoundMove> = {
  at: ({ at }) => at,
  feed: ({ feed }) => feed,
  repository: ({ repository }) => repository,
  tag: ({ tag }) => tag,
  from: ({ from }) => from,
  to: ({ to }) => to,
  by: ({ by }) => by,
  requester: ({ requester }) => requester,
  approvers: ({ approvers }) => approvers.join(' '),
  reason: ({ reason }) => reason,
  event: ({ event }) => event,
  request: ({ request }) => request,
  promotion: ({ promotion }) => promotion,
}

/** RFC 4180. What a spreadsheet would take for a formula is kept text by a leading apostrophe. */
export function toCsv<T>(columns: Columns<T>, rows: readonly T[]): string {
  const cells = rows.map((row) => Object.values(columns).map((column) => column(row) ?? ''))
  return [Object.keys(columns), ...cells].map((row) => `${row.map(cell).join(',')}\r\n`).join('')
}

function cell(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}

export function toNdjson(rows: readonly unknown[]): string {
  return rows.map((row) => `${JSON.stringify(row)}\n`).join('')
}

export function save(name: string, type: string, content: string): void {
  const url = URL.createObjectURL(new Blob([content], { type }))
  const link = document.createElement('a')
  link.href = url
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(url), 10_000)
}
