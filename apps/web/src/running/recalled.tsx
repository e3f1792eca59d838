import type { Running } from '@sluice/contract'
import { RunningTable } from './table.tsx'

/** What runs somewhere although it was withdrawn: its sites have to be told. */
export function RecalledRunning({ running }: { running: readonly Running[] }) {
  if (running.length === 0) return null
  return (
    <div className="matters">
      <RunningTable label="Recalled, and runs" running={running} sites />
    </div>
  )
}
