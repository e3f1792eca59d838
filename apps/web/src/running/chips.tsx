import type { Running, Site } from '@sluice/contract'
import { Chip, type Tone } from '../parts/chip.tsx'

export const STANDINGS: Record<Running['standing'], readonly [Tone, string]> = {
  recalled: ['bad', 'Recalled'],
  unknown: ['bad', 'Not known here'],
  'not-admitted': ['wait', 'Not admitted'],
  admitted: ['good', 'Admitted'],
}

export function StandingChip({ standing }: { standing: Running['standing'] }) {
  const [tone, words] = STANDINGS[standing]
  return <Chip tone={tone}>{words}</Chip>
}

const STATES: Record<Site['state'], readonly [Tone, string]> = {
  current: ['good', 'Reports'],
  stale: ['wait', 'Stale'],
  unreported: ['neutral', 'Never reported'],
}

export function SiteChip({ state }: { state: Site['state'] }) {
  const [tone, words] = STATES[state]
  return <Chip tone={tone}>{words}</Chip>
}
