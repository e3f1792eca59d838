import { type ChangesEvent, isFinal } from '@sluice/contract'
import { type QueryClient, useQueryClient } from '@tanstack/react-query'
import { useEffect, useSyncExternalStore } from 'react'
import { client } from './client.ts'

/** What changes elsewhere is told by one stream for all lists; while it is down, lists ask by themselves. */
export type Live = 'connecting' | 'live' | 'reconnecting'

const [ASKED_EVERY_MS, LOOKED_AFTER_EVERY_MS] = [5_000, 60_000]
const LONGEST_PAUSE_MS = 30_000
/** A promotion tells of each step: lists are asked again once for all that comes within this time. */
const TOGETHER_MS = 500
/** Looking into another tab for a moment ends no stream. */
const AWAY_MS = 20_000

let state: Live = 'connecting'
const watching = new Set<() => void>()
const hearing = new Set<() => void>()

function become(next: Live): void {
  if (state === next) return
  state = next
  for (const watcher of watching) watcher()
}

export function useLive(): Live {
  return useSyncExternalStore(
    (watcher) => {
      watching.add(watcher)
      return () => void watching.delete(watcher)
    },
    () => state,
  )
}

/** How often a list asks by itself, in milliseconds: rarely while changes are told. */
export function useListEvery(): number {
  return useLive() === 'live' ? LOOKED_AFTER_EVERY_MS : ASKED_EVERY_MS
}

/** Calls back when something changed, at most twice a second. */
export function onChanges(heard: () => void): () => void {
  hearing.add(heard)
  return () => void hearing.delete(heard)
}

/** Follows the stream as long as the shell is there and looked at: browsers open few connections to one host. */
export function useChangesStream(): void {
  const queries = useQueryClient()
  const seen = useSeen()
  useEffect(() => {
    if (!seen) return undefined
    const stop = new AbortController()
    void follow(queries, stop.signal)
    return () => stop.abort()
  }, [queries, seen])
}

async function follow(queries: QueryClient, signal: AbortSignal): Promise<void> {
  for (let failures = 0; !signal.aborted; failures++) {
    try {
      for await (const event of client().watchChanges({ signal })) {
        failures = 0
        become('live')
        tell(queries, event)
      }
    } catch {
      // A refusal is told by the lists themselves; here only the next try matters.
    }
    if (signal.aborted) return
    become('reconnecting')
    await pause(Math.min(LONGEST_PAUSE_MS, 500 * 2 ** failures), signal)
  }
}

let timer: ReturnType<typeof setTimeout> | undefined
function tell(queries: QueryClient, { all, requests }: ChangesEvent): void {
  for (const id of requests) void queries.invalidateQueries({ queryKey: ['request', id] })
  // An ended promotion changes no more; asking for each that was ever looked at would tell nothing.
  if (all)
    void queries.invalidateQueries({ queryKey: ['request'], predicate: ({ state }) => !ended(state.data) })
  timer ??= setTimeout(() => {
    timer = undefined
    void queries.invalidateQueries({ queryKey: ['requests'] })
    for (const heard of hearing) heard()
  }, TOGETHER_MS)
}

const ended = (data: unknown): boolean => {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what the queries under that key hold
  const known = data as Parameters<typeof isFinal>[0] | undefined
  return known !== undefined && isFinal(known)
}

/** Whether this tab is looked at, or was until a moment ago. */
export function useSeen(): boolean {
  return useSyncExternalStore(subscribeSeen, () => seen)
}

let seen = true
const looking = new Set<() => void>()
let away: ReturnType<typeof setTimeout> | undefined
document.addEventListener('visibilitychange', () => {
  clearTimeout(away)
  const change = (next: boolean) => {
    seen = next
    for (const look of looking) look()
  }
  if (document.hidden) away = setTimeout(() => change(false), AWAY_MS)
  else change(true)
})

function subscribeSeen(look: () => void): () => void {
  looking.add(look)
  return () => void looking.delete(look)
}

/** Ends early when it is aborted. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms)
    signal.addEventListener('abort', () => {
      clearTimeout(timer)
      resolve()
    })
  })
}
