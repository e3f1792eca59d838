import { invalid } from './errors.ts'
import { seatsFilled } from './gates/quorum.ts'
import type { Policy } from './policy.ts'

/** Who could act on a lane as things are now. Persons are ids. */
export interface Reach {
  /** The persons of each group that the policy names; null: there is no such group. */
  readonly groups: ReadonlyMap<string, readonly string[] | null>
  /** Who may approve on the feed that the lane leads to, once somebody has said so; null: nobody has yet. */
  readonly approvers: readonly string[] | null
  /** For everyone who may request there: all persons who would count as the requester. */
  readonly requesters: readonly (readonly string[])[]
}

/**
 * Refuses a policy that nobody could ever satisfy: a group that is missing or too small, and a quorum that
 * the only ones who may request would have to fill themselves.
 * @throws PromotionError invalid, naming the rule and why
 */
export function requireSatisfiable(
  { gates: { quorum } }: Policy,
  { groups, approvers, requesters }: Reach,
): void {
  const issues = quorum.flatMap(({ count, group }, i) => {
    if (group === undefined) return []
    const members = groups.get(group) ?? null
    const field = `gates.quorum[${i}].group`
    if (members === null) return [{ field, rule: 'unknown_name', message: `there is no group ${group}` }]
    if (members.length >= count) return []
    const message = `${group} has ${members.length} members, and ${count} of them must approve`
    return [{ field: `gates.quorum[${i}].count`, rule: 'unsatisfiable', message }]
  })
  if (issues.length > 0) throw invalid(...issues)

  const named = quorum.filter(({ group }) => group !== undefined)
  const persons = new Map<string, string[]>()
  for (const [group, members] of groups) {
    for (const person of members ?? []) persons.set(person, [...(persons.get(person) ?? []), group])
  }
  const seats = named.reduce((sum, { count }) => sum + count, 0)
  const filled = (without: readonly string[]): number =>
    seatsFilled(
      named,
      [...persons]
        .filter(([person]) => !without.includes(person))
        .map(([personId, names]) => ({ personId, groups: names, decision: 'approve' })),
    )
  if (filled([]) < seats) {
    throw unsatisfiable('the groups share too few persons: each fills one seat of one rule only')
  }
  if (seats > 0 && requesters.length > 0 && requesters.every((requester) => filled(requester) < seats)) {
    throw unsatisfiable(
      'whoever may request is needed among the approvers, and nobody approves the own request',
    )
  }
  const others = approvers?.filter((person) => requesters.some((requester) => !requester.includes(person)))
  if (approvers !== null && approvers.length > 0 && requesters.length > 0 && others?.length === 0) {
    throw unsatisfiable(
      'the only one who may approve is the only one who may request, and nobody approves the own request',
    )
  }
}

function unsatisfiable(message: string) {
  return invalid({ field: 'gates.quorum', rule: 'unsatisfiable', message })
}
