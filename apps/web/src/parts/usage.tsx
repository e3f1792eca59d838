import { fullness } from '../format/quota.ts'
import { formatSize } from '../format/size.ts'

const WORDS = { good: '', wait: 'nearly full', bad: 'full: takes no pushes' } as const

/** What is used of a limit, as a bar whose colour warns; without a limit, what is used. */
export function Usage({ used, limit, label }: { used: number; limit: number | null; label: string }) {
  if (limit === null) {
    return (
      <span className="number">
        {formatSize(used)} <span className="soft">of no limit</span>
      </span>
    )
  }
  const tone = fullness(used, limit)
  const share = Math.round((used / limit) * 100)
  return (
    <div className="usage">
      <div
        className={`bar ${tone}`}
        role="meter"
        aria-label={label}
        aria-valuenow={Math.min(100, share)}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuetext={`${formatSize(used)} of ${formatSize(limit)}, ${share} %`}
      >
        <i style={{ width: `${Math.min(100, share)}%` }} />
      </div>
      <span className="small number">
        {formatSize(used)} of {formatSize(limit)}{' '}
        <span className={tone === 'good' ? 'soft' : `${tone}-text`}>
          {share} %{WORDS[tone] !== '' && `, ${WORDS[tone]}`}
        </span>
      </span>
    </div>
  )
}
