import { z } from 'zod'
import type { GateInput, GateReport } from './gate.ts'
import { DAY_MINUTES, instantOf, isZone, wallTime } from './zoned-time.ts'

const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const
type Day = (typeof DAYS)[number]

const clock = z.string().regex(/^(?:(?:[01]\d|2[0-3]):[0-5]\d|24:00)$/, 'must be a time of day, as 09:30')
const moment = z
  .string()
  .regex(
    /^\d{4}-\d\d-\d\d(?:T(?:[01]\d|2[0-3]):[0-5]\d)?$/,
    'must be a day, as 2026-12-24, or a day and time',
  )
  .refine(isDay, 'is no day of the calendar')

function isDay(text: string): boolean {
  const date = new Date(`${text.slice(0, 10)}T00:00:00Z`)
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(text.slice(0, 10))
}

export const windowRule = z
  .strictObject({
    zone: z.string().refine(isZone, 'must be a time zone, as Europe/Berlin or UTC'),
    open: z
      .array(z.strictObject({ days: z.array(z.enum(DAYS)).min(1).max(7), from: clock, to: clock }))
      .min(1)
      .max(50)
      .optional(),
    freezes: z
      .array(z.strictObject({ name: z.string().min(1).max(128), from: moment, to: moment }))
      .min(1)
      .max(200)
      .optional(),
  })
  .superRefine(({ zone, open, freezes }, context) => {
    if (open === undefined && freezes === undefined) {
      context.addIssue({ code: 'custom', message: 'open or freezes must be given', path: [] })
    }
    open?.forEach(({ from, to }, i) => {
      if (from === to)
        context.addIssue({ code: 'custom', message: 'the window is never open', path: ['open', i] })
    })
    // A zone or a day that is none has an issue of its own.
    if (!isZone(zone)) return
    freezes?.forEach((freeze, i) => {
      if (!isDay(freeze.from) || !isDay(freeze.to)) return
      const { begin, end } = spanOf(freeze, zone)
      if (begin >= end) {
        context.addIssue({ code: 'custom', message: 'it ends before it begins', path: ['freezes', i, 'to'] })
      }
    })
  })

export type WindowRule = {
  readonly zone: string
  /** Left out: always. `to` before `from`: over midnight, into the next day. */
  readonly open?: readonly { readonly days: readonly Day[]; readonly from: string; readonly to: string }[]
  /** From the beginning of `from` to the end of `to`, where these are days. */
  readonly freezes?: readonly { readonly name: string; readonly from: string; readonly to: string }[]
}

/** It is a time at which the lane runs; else the promotion waits for the next. Null: no such rule. */
export function windowGate({ policy, now }: GateInput): GateReport | null {
  const rule = policy.gates.window
  if (rule === undefined) return null
  const closed = closedBecause(rule, now.getTime())
  const until = closed === null ? null : nextOpening(rule, now.getTime())
  return {
    gate: 'window',
    verdict: closed === null ? 'pass' : 'wait',
    reasons: closed === null ? [] : [closed],
    inputs: { ...rule, now: now.toISOString() },
    until: until === null ? null : new Date(until).toISOString(),
  }
}

function closedBecause(rule: WindowRule, at: number): string | null {
  const freeze = freezeAt(rule, at)
  if (freeze !== null) return `the freeze "${freeze.name}" lasts until ${freeze.to} (${rule.zone})`
  return openAt(rule, at) ? null : `outside of the lane's windows (${rule.zone})`
}

function freezeAt({ freezes = [], zone }: WindowRule, at: number) {
  for (const freeze of freezes) {
    const { begin, end } = spanOf(freeze, zone)
    if (at >= begin && at < end) return { ...freeze, end }
  }
  return null
}

function openAt({ open, zone }: WindowRule, at: number): boolean {
  if (open === undefined) return true
  const { day, minute } = wallTime(at, zone)
  return open.some(({ days, from, to }) => {
    const [begin, end] = [minuteOf(from), minuteOf(to)]
    if (begin < end) return days.includes(dayName(day)) && minute >= begin && minute < end
    return (
      (days.includes(dayName(day)) && minute >= begin) || (days.includes(dayName(day - 1)) && minute < end)
    )
  })
}

/** The first instant from `at` on that is open and not frozen; each step passes one freeze or one closed time. */
function nextOpening(rule: WindowRule, at: number): number | null {
  const steps = 2 * (rule.freezes?.length ?? 0) + 3
  for (let i = 0; i < steps; i++) {
    const freeze = freezeAt(rule, at)
    if (freeze === null && openAt(rule, at)) return at
    at = freeze === null ? nextWindow(rule, at) : freeze.end
  }
  return null
}

function nextWindow({ open = [], zone }: WindowRule, at: number): number {
  const { day: today } = wallTime(at, zone)
  const begins = open.flatMap(({ days, from }) =>
    Array.from({ length: 9 }, (_, i) => today + i)
      .filter((day) => days.includes(dayName(day)))
      .map((day) => instantOf({ day, minute: minuteOf(from) }, zone)),
  )
  return Math.min(...begins.filter((begin) => begin > at))
}

function spanOf({ from, to }: { readonly from: string; readonly to: string }, zone: string) {
  const dayOf = (text: string): number => Date.parse(text.slice(0, 10)) / 86_400_000
  const timeOf = (text: string): string | undefined => text.split('T')[1]
  const until = timeOf(to)
  return {
    begin: instantOf({ day: dayOf(from), minute: minuteOf(timeOf(from) ?? '00:00') }, zone),
    end:
      until === undefined
        ? instantOf({ day: dayOf(to) + 1, minute: 0 }, zone)
        : instantOf({ day: dayOf(to), minute: minuteOf(until) }, zone),
  }
}

/** Minutes of the day; `24:00` is its end. */
function minuteOf(text: string): number {
  const [hours = 0, minutes = 0] = text.split(':').map(Number)
  return Math.min(hours * 60 + minutes, DAY_MINUTES)
}

/** 1970-01-01 was a Thursday. */
function dayName(day: number): Day {
  return DAYS[(((day + 3) % 7) + 7) % 7] ?? 'mon'
}
