import { CliError } from './errors.ts'

const unitMs: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** `90s`, `30m`, `2h` or `7d`, in milliseconds. @throws CliError `usage` */
export function parseDuration(text: string): number {
  const [, count, unit] = /^([0-9]{1,6})([smhd])$/.exec(text) ?? []
  const ms = Number(count) * (unitMs[unit ?? ''] ?? Number.NaN)
  if (!(ms > 0)) throw new CliError('usage', `"${text}" is not a duration: expected 90s, 30m, 2h or 7d`)
  return ms
}
