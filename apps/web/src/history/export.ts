import type { Executed } from '@sluice/contract'

const COLUMNS = [
  'id',
  'request',
  'state',
  'digest',
  'targets',
  'requester',
  'approvers',
  'startedAt',
  'finishedAt',
] as const

/** RFC 4180. What a spreadsheet would take for a formula is kept text by a leading apostrophe. */
export function toCsv(promotions: readonly Executed[]): string {
  const rows = promotions.map(
    ({ id, requestId, state, digest, targets, requester, approvers, startedAt, finishedAt }) => [
      id,
      requestId,
      state,
      digest,
      targets.map(({ feed, repository, tag }) => `${feed}/${repository}:${tag}`).join(' '),
      requester,
      approvers.join(' '),
      startedAt ?? '',
      finishedAt ?? '',
    ],
  )
  return [COLUMNS, ...rows].map((row) => `${row.map(cell).join(',')}\r\n`).join('')
}

function cell(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}

export function toNdjson(promotions: readonly Executed[]): string {
  return promotions.map((promotion) => `${JSON.stringify(promotion)}\n`).join('')
}

export function save(name: string, type: string, content: string): void {
  const url = URL.createObjectURL(new Blob([content], { type }))
  const link = document.createElement('a')
  link.href = url
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(url), 10_000)
}
