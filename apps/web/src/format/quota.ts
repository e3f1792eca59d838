/** A size as a person types it: a number and its unit. */
export type Sized = { readonly amount: string; readonly unit: SizeUnit }
export const sizeUnits = ['MB', 'GB', 'TB'] as const
export type SizeUnit = (typeof sizeUnits)[number]

const BYTES: Record<SizeUnit, number> = { MB: 1e6, GB: 1e9, TB: 1e12 }

/** The largest unit that tells it in whole numbers; megabytes with a fraction where none does. */
export function sizedOf(bytes: number | null): Sized {
  if (bytes === null) return { amount: '', unit: 'GB' }
  const unit = sizeUnits.toReversed().find((one) => bytes % BYTES[one] === 0) ?? 'MB'
  return { amount: String(bytes / BYTES[unit]), unit }
}

/** Bytes; null where nothing is typed, undefined where it is no size of at least one byte. */
export function bytesOf({ amount, unit }: Sized): number | null | undefined {
  const text = amount.trim().replace(',', '.')
  if (text === '') return null
  const bytes = Math.round(Number(text) * BYTES[unit])
  return /^\d+(\.\d+)?$/.test(text) && bytes >= 1 && Number.isSafeInteger(bytes) ? bytes : undefined
}

/** How full: from four fifths on the service writes a warning to the log, and a full feed takes nothing. */
export function fullness(used: number, limit: number): 'good' | 'wait' | 'bad' {
  if (used >= limit) return 'bad'
  return used >= limit * 0.8 ? 'wait' : 'good'
}
