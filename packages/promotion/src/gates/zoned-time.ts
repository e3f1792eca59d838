/** Minutes of a day by the wall clock. */
export const DAY_MINUTES = 1440

/** A wall clock's day and time. `day` counts from 1970-01-01; `minute` is of the day. */
export interface WallTime {
  readonly day: number
  readonly minute: number
}

const formats = new Map<string, Intl.DateTimeFormat>()

function formatOf(zone: string): Intl.DateTimeFormat {
  const known = formats.get(zone)
  if (known !== undefined) return known
  const made = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    calendar: 'iso8601',
    numberingSystem: 'latn',
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
  })
  formats.set(zone, made)
  return made
}

/** Is it a time zone of the IANA database that this machine knows? */
export function isZone(zone: string): boolean {
  try {
    return /^[A-Za-z][A-Za-z0-9_+/-]{0,63}$/.test(zone) && formatOf(zone) !== undefined
  } catch {
    return false
  }
}

/** What the wall clocks of a zone show at an instant. */
export function wallTime(at: number, zone: string): WallTime {
  const part: Record<string, number> = {}
  for (const { type, value } of formatOf(zone).formatToParts(at)) part[type] = Number(value)
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0 } = part
  return { day: Date.UTC(year, month - 1, day) / 86_400_000, minute: hour * 60 + minute }
}

/**
 * The first instant at which the wall clocks of a zone show this time. A time that the clocks skip gives the
 * instant of the skip's end.
 */
export function instantOf({ day, minute }: WallTime, zone: string): number {
  const naive = day * 86_400_000 + minute * 60_000
  const offsetAt = (at: number): number => {
    const shown = wallTime(at, zone)
    return shown.day * 86_400_000 + shown.minute * 60_000 - Math.floor(at / 60_000) * 60_000
  }
  // Offsets of the day before and after cover every change in between.
  const offsets = [offsetAt(naive - 86_400_000), offsetAt(naive + 86_400_000)]
  const fits = offsets.map((offset) => naive - offset).filter((at) => offsetAt(at) === naive - at)
  return fits.length > 0 ? Math.min(...fits) : naive - Math.min(...offsets)
}
