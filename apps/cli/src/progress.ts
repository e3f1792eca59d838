import type { Promotion, RequestItem } from '@sluice/contract'

type Progress = Promotion['progress']
type Counts = Progress['items'][number]

const BAR = 20
const NAME = 40
/** Beyond this a guess helps nobody. */
const LONGEST_LEFT_S = 100 * 3_600

/** How far each item is, one line each with a bar, and of several one for all; cut to the columns of a terminal. */
export function progressLines(
  items: readonly Pick<RequestItem, 'target'>[],
  progress: Progress,
  columns: number,
): string[] {
  const rows = items.map(({ target }, i) => [nameOf(target), progress.items[i] ?? progress] as const)
  if (rows.length > 1) rows.push(['all', progress])
  const width = Math.min(NAME, Math.max(0, ...rows.map(([name]) => name.length)))
  return rows.map(([name, counts], i) => {
    const speed = i === rows.length - 1 ? speedOf(progress) : []
    const line = [shortened(name, width).padEnd(width), bar(counts), ...amounts(counts), ...speed].join('  ')
    // In the last column a terminal may wrap, and what is painted over next would be another line.
    return line.slice(0, Math.max(1, columns - 1))
  })
}

/** The same of all items in one line without a bar, for a log: `45 MB of 184 MB (24 %), 3 of 8 blobs, …`. */
export function progressText(progress: Progress): string {
  const [bytes, blobs] = amounts(progress)
  return [`${bytes} (${Math.floor(shareOf(progress) * 100)} %)`, blobs, ...speedOf(progress)].join(', ')
}

const nameOf = ({ feed, repository, tags }: RequestItem['target']): string =>
  `${feed}/${repository}:${tags.map(({ tag }) => tag).join(',')}`

const shortened = (name: string, width: number): string =>
  name.length > width ? `${name.slice(0, width - 3)}...` : name

const shareOf = ({ bytes, totalBytes }: Counts): number =>
  totalBytes === 0 ? 0 : Math.min(1, bytes / totalBytes)

function bar(counts: Counts): string {
  const full = Math.floor(shareOf(counts) * BAR)
  return `[${'#'.repeat(full)}${'-'.repeat(BAR - full)}]`
}

function amounts({ bytes, totalBytes, blobs, totalBlobs }: Counts): string[] {
  return [
    `${size(bytes)} of ${size(totalBytes)}`,
    `${blobs} of ${totalBlobs} ${totalBlobs === 1 ? 'blob' : 'blobs'}`,
  ]
}

function speedOf({ bytesPerSecond, secondsLeft }: Progress): string[] {
  if (bytesPerSecond === null) return []
  const left = secondsLeft === null || secondsLeft > LONGEST_LEFT_S ? [] : [`${time(secondsLeft)} left`]
  return [`${size(bytesPerSecond)}/s`, ...left]
}

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB']

/** In decimal units, as the web app and registries count. */
function size(bytes: number): string {
  let [value, unit] = [bytes, 0]
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000
    unit += 1
  }
  return `${value.toFixed(unit > 0 && value < 9.95 ? 1 : 0)} ${UNITS[unit]}`
}

function time(seconds: number): string {
  if (seconds < 60) return `${seconds} s`
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`
  return `${Math.floor(seconds / 3_600)} h ${Math.floor((seconds % 3_600) / 60)} min`
}
