import { z } from 'zod'
import type { Evidence } from '../evidence/evidence.ts'
import type { GateInput, GateItem, GateName, GateReport } from './gate.ts'

const SOURCE = /^(?:key|identity|user|robot):[a-z0-9](?:[a-z0-9._@-]{0,62}[a-z0-9])?$/

export const sources = z
  .array(
    z.string().regex(SOURCE, 'must be key:NAME or identity:NAME (of this lane), robot:NAME or user:NAME'),
  )
  .min(1)
  .max(20)

/** The keys that every rule about evidence has. */
export const evidenceRule = {
  from: sources,
  of: z.enum(['image', 'platforms']).optional(),
  maxAge: z.strictObject({ hours: z.int().min(1).max(87_600) }).optional(),
}

export type EvidenceRule = {
  /** Who may vouch for it; the newest of any of them decides. */
  readonly from: readonly string[]
  /** `image`: the digest that is promoted; `platforms`: each image of an index by itself. */
  readonly of?: 'image' | 'platforms'
  readonly maxAge?: { readonly hours: number }
}

/** One digest that evidence is needed of. */
export interface Subject {
  readonly item: GateItem
  readonly platform: string | null
  readonly digest: string
}

/** What was found of one subject; no reasons: it passes. */
export interface Judged {
  readonly source: string
  readonly platform: string | null
  readonly digest: string
  /** The id of what decided; null: there was nothing. */
  readonly evidence: string | null
  readonly reasons: readonly string[]
}

/** What a rule asks of the evidence it found. */
export interface Demand {
  /** As in "no test result". */
  readonly what: string
  /** Where the rule does not say. */
  readonly of: 'image' | 'platforms'
  readonly wanted: (evidence: Evidence) => boolean
  /** Reasons why this evidence refuses; none when it is as it must be. */
  readonly check: (evidence: Evidence, subject: Subject) => readonly string[]
}

const HOUR = 3_600_000
/** How far clocks may differ. */
const SKEW = 300_000
const UNPROVEN_SHOWN = 5

/** Looks at every subject of a rule: missing, stale, unreadable, refused or uncounted evidence gives reasons. */
export function judge({ items, now }: GateInput, rule: EvidenceRule, demand: Demand): Judged[] {
  return subjectsOf(items, rule.of ?? demand.of).map((subject) => {
    const { item, platform, digest } = subject
    const found = newest(item, digest, rule.from, demand.wanted)
    const name = platform === null ? item.source : `${item.source} (${platform})`
    const { incomplete = [] } = item
    const reasons =
      incomplete.length > 0
        ? incomplete
        : found === null
          ? missing(subject, rule, demand)
          : refused(found, rule, demand, subject, now)
    return {
      source: item.source,
      platform,
      digest,
      evidence: incomplete.length > 0 ? null : (found?.evidence.id ?? null),
      reasons: reasons.map((reason) => `${name}: ${reason}`),
    }
  })
}

function missing({ item, digest }: Subject, { from }: EvidenceRule, { what, wanted }: Demand): string[] {
  const unproven = item.evidence.flatMap((each) => {
    if (each.subject !== digest || !wanted(each)) return []
    return (each.unproven ?? []).map((why) => `${each.id} does not count: ${why}`)
  })
  return [
    `no ${what} from ${from.join(' or ')}`,
    ...item.unread.map((why) => `attached evidence was not read: ${why}`),
    ...unproven.slice(0, UNPROVEN_SHOWN),
  ]
}

function refused(
  { evidence, at }: Dated,
  { maxAge }: EvidenceRule,
  { what, check }: Demand,
  subject: Subject,
  now: Date,
): readonly string[] {
  const { summary } = evidence
  if (summary.kind === 'unreadable') return [`the newest ${what} cannot be read: ${summary.reason}`]
  if (at.getTime() > now.getTime() + SKEW) return [`the ${what} is dated in the future, ${at.toISOString()}`]
  if (maxAge !== undefined && now.getTime() - at.getTime() > maxAge.hours * HOUR) {
    return [`the ${what} is of ${at.toISOString()}, older than ${maxAge.hours} h`]
  }
  return check(evidence, subject)
}

/** An index that names no image for any platform is its own subject: nothing passes for want of subjects. */
export function subjectsOf(items: readonly GateItem[], of: 'image' | 'platforms'): Subject[] {
  return items.flatMap((item): Subject[] =>
    of === 'image' || item.platforms.length === 0
      ? [{ item, platform: null, digest: item.digest }]
      : item.platforms.map(({ platform, digest }) => ({ item, platform, digest })),
  )
}

export interface Dated {
  readonly evidence: Evidence
  /** When it says it was made, else when its content first came from somebody who counts. */
  readonly at: Date
}

/** The evidence that decides: the newest of those that count. */
export function newest(
  item: GateItem,
  digest: string,
  from: readonly string[],
  wanted: (evidence: Evidence) => boolean,
): Dated | null {
  const all = counting(item, [digest], from, wanted)
  return all[all.length - 1] ?? null
}

/**
 * What counts, oldest first. What was said once stays as old as it was when it came first: to send old
 * evidence again, in however fresh a wrapping, makes it no newer.
 */
export function counting(
  item: GateItem,
  digests: readonly string[],
  from: readonly string[],
  wanted: (evidence: Evidence) => boolean,
): Dated[] {
  const first = new Map<string, Dated>()
  for (const evidence of item.evidence) {
    if (!digests.includes(evidence.subject) || !wanted(evidence)) continue
    if (!evidence.from.some((source) => from.includes(source))) continue
    const at = evidence.claimedAt ?? evidence.receivedAt
    const known = first.get(evidence.contentDigest)
    if (known === undefined || order(known, { evidence, at }) > 0) {
      first.set(evidence.contentDigest, { evidence, at })
    }
  }
  return [...first.values()].sort(order)
}

function order(a: Dated, b: Dated): number {
  return (
    a.at.getTime() - b.at.getTime() ||
    a.evidence.receivedAt.getTime() - b.evidence.receivedAt.getTime() ||
    (a.evidence.id < b.evidence.id ? -1 : 1)
  )
}

/** The report of a gate over everything its rules judged. */
export function evidenceReport(
  gate: GateName,
  judged: readonly Judged[],
  inputs: { readonly [name: string]: unknown },
): GateReport {
  const reasons = judged.flatMap((each) => each.reasons)
  return {
    gate,
    verdict: reasons.length === 0 ? 'pass' : 'block',
    reasons,
    inputs: {
      ...inputs,
      subjects: judged.map(({ source, platform, digest, evidence, reasons: against }) => ({
        source,
        platform,
        digest,
        evidence,
        verdict: against.length === 0 ? 'pass' : 'block',
      })),
    },
    until: null,
  }
}
