import { useSyncExternalStore } from 'react'
import { formatAge, formatLocal, formatUtc } from '../format/time.ts'

let now = Date.now()
const listeners = new Set<() => void>()
setInterval(() => {
  now = Date.now()
  for (const listener of listeners) listener()
}, 20_000)

function useNow(): number {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    () => now,
  )
}

/** How long ago; the exact time of the viewer's zone and of UTC on hover. */
export function Age({ at }: { at: string }) {
  const seen = useNow()
  return (
    <time dateTime={at} title={`${formatLocal(at)}\n${formatUtc(at)}`}>
      {formatAge(at, seen)}
    </time>
  )
}

/** The time in the viewer's zone; UTC on hover. */
export function Moment({ at }: { at: string }) {
  return (
    <time dateTime={at} title={formatUtc(at)} className="number">
      {formatLocal(at)}
    </time>
  )
}
