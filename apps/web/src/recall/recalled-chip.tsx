import type { Recall } from '@sluice/contract'
import { Link } from '@tanstack/react-router'
import { Chip } from '../parts/chip.tsx'

/** Beside whatever names an image that may not be pulled; leads to why. */
export function RecalledChip({ recall }: { recall: Recall | undefined }) {
  if (recall === undefined) return null
  return (
    <Link to="/digests/$digest" params={{ digest: recall.digest }} title={recall.reason} className="main">
      <Chip tone="bad">Recalled</Chip>
    </Link>
  )
}
