import type { Finding, VexStatement } from '../evidence/evidence.ts'
import { counting, type Subject } from './evidence-rule.ts'

/** The justifications of OpenVEX v0.2; without one, "not affected" is only an opinion. */
const JUSTIFICATIONS: readonly string[] = [
  'component_not_present',
  'vulnerable_code_not_present',
  'vulnerable_code_not_in_execute_path',
  'vulnerable_code_cannot_be_controlled_by_adversary',
  'inline_mitigations_already_exist',
]

/** What VEX documents say of the findings of one subject. */
export interface VexView {
  /** Why a document could not be read: it may take back what an older one said. */
  readonly unreadable: readonly string[]
  readonly statementsOn: (finding: Finding) => readonly VexStatement[]
}

/** Everything said about a subject or about the index it is part of, oldest first. */
export function vexOf({ item, digest }: Subject, from: readonly string[]): VexView {
  const documents = counting(item, [digest, item.digest], from, ({ type }) => type === 'vex')
  const byId = new Map<string, VexStatement[]>()
  const unreadable: string[] = []
  for (const { evidence } of documents) {
    const { summary } = evidence
    if (summary.kind === 'unreadable') unreadable.push(`a VEX document cannot be read: ${summary.reason}`)
    if (summary.kind !== 'vex') continue
    for (const statement of summary.statements) {
      const named = statement.images.includes(digest) || statement.images.includes(item.digest)
      if (statement.elsewhere || (statement.images.length > 0 && !named)) continue
      for (const id of statement.vulnerabilities) {
        const key = id.toLowerCase()
        byId.set(key, [...(byId.get(key) ?? []), statement])
      }
    }
  }
  return {
    unreadable,
    statementsOn: ({ id, package: name }) =>
      (byId.get(id.toLowerCase()) ?? []).filter(
        ({ packages }) => packages.length === 0 || packages.includes(name),
      ),
  }
}

/** Why the last word on a finding excuses it; null when it does not. */
export function excuse(statements: readonly VexStatement[]): string | null {
  const last = statements[statements.length - 1]
  if (last?.status === 'fixed') return 'VEX: fixed'
  if (last?.status !== 'not_affected' || last.justification === null) return null
  return JUSTIFICATIONS.includes(last.justification) ? `VEX: ${last.justification}` : null
}
