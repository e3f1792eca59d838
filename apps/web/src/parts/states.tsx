import type { ReactNode } from 'react'
import { CallError } from '@sluice/contract'
import { messageOf, statusOf } from '../session/client.ts'

export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="state">
      <h2>{title}</h2>
      {children}
    </div>
  )
}

export function Loading({ lines = 4, what = 'Loading' }: { lines?: number; what?: string }) {
  return (
    <div className="skeleton" role="status">
      <span className="unseen">{what} …</span>
      {Array.from({ length: lines }, (_, line) => (
        <i key={line} style={{ width: `${92 - ((line * 17) % 45)}%` }} />
      ))}
    </div>
  )
}

/** What somebody may not see, and what it would take. */
export function Forbidden({ children }: { children: ReactNode }) {
  return <Empty title="You may not see this">{children}</Empty>
}

/** Why there is nothing to see: no right, not there, or broken; the last can be tried again. */
export function Failure({ error, retry }: { error: unknown; retry?: (() => void) | undefined }) {
  const status = statusOf(error)
  if (status === 403) {
    return (
      <Forbidden>
        <p className="breaks">{messageOf(error)}. An administrator can grant it.</p>
      </Forbidden>
    )
  }
  if (status === 404) {
    return (
      <Empty title="Not found">
        <p className="breaks">{messageOf(error)}.</p>
      </Empty>
    )
  }
  if (status === 400) {
    return (
      <Empty title="This cannot be looked for">
        <p className="breaks">{messageOf(error)}.</p>
      </Empty>
    )
  }
  const requestId = error instanceof CallError ? error.problem?.requestId : undefined
  return (
    <div className="state" role="alert">
      <h2>This could not be loaded</h2>
      <p className="breaks">{messageOf(error)}</p>
      {requestId !== undefined && (
        <p className="small">
          Request <code>{requestId}</code> in the logs
        </p>
      )}
      {retry !== undefined && (
        <button type="button" className="button" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  )
}

/** Inside a form or dialog: what the service refused, read out at once. */
export function Refused({ error }: { error: unknown }) {
  if (error === null || error === undefined) return null
  return (
    <div className="notice bad breaks" role="alert">
      {messageOf(error)}
    </div>
  )
}

export type Loaded<T> = {
  readonly data: T | undefined
  readonly error: unknown
  readonly refetch: () => unknown
}

/** Loading, failure or the data, of one query. What is known stays on screen while it is asked again. */
export function Await<T>({
  query,
  lines,
  children,
}: {
  query: Loaded<T>
  lines?: number
  children: (data: T) => ReactNode
}) {
  if (query.data !== undefined) return children(query.data)
  if (query.error !== null) return <Failure error={query.error} retry={() => void query.refetch()} />
  return <Loading {...(lines !== undefined && { lines })} />
}
