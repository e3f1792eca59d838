import type { Promotion } from '@sluice/contract'
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

function Bytes({ bytes, totalBytes, blobs, totalBlobs, bytesPerSecond, secondsLeft }: Promotion['progress']) {
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
        aria-valuetext={`${formatSize(bytes)} of ${formatSize(totalBytes)}`}
      >
        <i style={{ width: `${share * 100}%` }} />
      </div>
      <p className="row between small number">
        <span>
          {formatSize(bytes)} of {formatSize(totalBytes)}
        </span>
        <span>
          {blobs} of {totalBlobs} {totalBlobs === 1 ? 'blob' : 'blobs'}
        </span>
        {bytesPerSecond !== null && <span>{formatSize(bytesPerSecond)}/s</span>}
        {secondsLeft !== null && secondsLeft >= 1 && secondsLeft < LONGEST_LEFT_S && (
          <span>{formatDuration(secondsLeft * 1000)} left</span>
        )}
      </p>
    </div>
  )
}

/** Beyond this a guess helps nobody. */
const LONGEST_LEFT_S = 100 * 3_600
