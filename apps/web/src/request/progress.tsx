import type { Promotion } from '@sluice/contract'
import { useEffect, useRef, useState } from 'react'
import { formatSize } from '../format/size.ts'
import { formatDuration } from '../format/time.ts'
import { PromotionChip } from '../parts/chip.tsx'
import { Panel } from '../parts/page.tsx'
import { Moment } from '../parts/time.tsx'

export function Progress({ promotion }: { promotion: Promotion }) {
  const { state, steps, progress, error, attempt, startedAt, finishedAt } = promotion
  const runs = state === 'QUEUED' || state === 'RUNNING'
  return (
    <Panel title="Promotion" aside={<PromotionChip state={state} />}>
      <div className="stack tight">
        {runs && <Bytes {...progress} />}
        <ol className="steps">
          {steps.map((step) => (
            <li key={step.name} data-state={step.state}>
              <span>{step.name}</span>
              <span className="soft small number">
                {step.finishedAt === null
                  ? 'running …'
                  : formatDuration(Date.parse(step.finishedAt) - Date.parse(step.startedAt))}
              </span>
            </li>
          ))}
        </ol>
        {steps.length === 0 && runs && <p className="soft">Queued; the worker takes it up within moments.</p>}
        {error !== null && (
          <div className="notice bad">
            <strong>
              <code>{error.code}</code>
            </strong>
            <span className="breaks">{error.message}</span>
          </div>
        )}
        <p className="soft small">
          {startedAt !== null && (
            <>
              Started <Moment at={startedAt} />
            </>
          )}
          {startedAt !== null && finishedAt !== null && (
            <>
              {' '}
              · took{' '}
              <span className="number">{formatDuration(Date.parse(finishedAt) - Date.parse(startedAt))}</span>
            </>
          )}
          {attempt > 1 && ` · attempt ${attempt}`}
        </p>
      </div>
    </Panel>
  )
}

function Bytes({ bytes, totalBytes, blobs, totalBlobs }: Promotion['progress']) {
  const rate = useRate(bytes)
  const share = totalBytes === 0 ? 0 : Math.min(1, bytes / totalBytes)
  return (
    <div className="stack tight">
      <div
        className="bar"
        role="progressbar"
        aria-label="Bytes copied"
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={Math.round(share * 100)}
      >
        <i style={{ width: `${share * 100}%` }} />
      </div>
      <p className="row between small number">
        <span>
          {formatSize(bytes)} of {formatSize(totalBytes)}
        </span>
        <span>
          {blobs} of {totalBlobs} blobs
        </span>
        {rate > 0 && <span>{formatSize(rate)}/s</span>}
      </p>
    </div>
  )
}

const WINDOW_MS = 5_000

/** Bytes a second over the last events. */
function useRate(bytes: number): number {
  const seen = useRef<{ at: number; bytes: number }[]>([])
  const [rate, setRate] = useState(0)
  useEffect(() => {
    const now = performance.now()
    const recent = [...seen.current.filter(({ at }) => at >= now - WINDOW_MS), { at: now, bytes }]
    seen.current = recent
    const first = recent[0]
    const seconds = first === undefined ? 0 : (now - first.at) / 1000
    setRate(first === undefined || seconds < 0.2 ? 0 : (bytes - first.bytes) / seconds)
  }, [bytes])
  return rate
}
