import { isObject, type Json } from '../json.ts'

/** The part of a policy that has a form. All else in the policy is kept as it is, for the YAML. */
export type PolicyForm = {
  readonly quorum: readonly { readonly count: number; readonly group: string }[]
  readonly pusherExcluded: boolean
  /** Patterns of target tags; empty: no rule. */
  readonly tagPatterns: readonly string[]
  /** Minutes; 0: none. */
  readonly soakMinutes: number
  readonly expiresAfterHours: number
}

const object = (value: unknown): Json => (isObject(value) ? value : {})
const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])
const number = (value: unknown, otherwise: number): number => (typeof value === 'number' ? value : otherwise)

const WITH_FORM = ['quorum', 'requester', 'pusher', 'tagRule', 'soak']

export function readForm(policy: Json): PolicyForm {
  const gates = object(policy['gates'])
  const quorum = list(gates['quorum']).map(object)
  return {
    quorum: (quorum.length === 0 ? [{ count: 1 } as Json] : quorum).map(({ count, group }) => ({
      count: number(count, 1),
      group: typeof group === 'string' ? group : '',
    })),
    pusherExcluded: gates['pusher'] === 'excluded',
    tagPatterns: list(object(gates['tagRule'])['patterns']).map(String),
    soakMinutes: number(object(gates['soak'])['minutes'], 0),
    expiresAfterHours: number(object(policy['requestExpiresAfter'])['hours'], 168),
  }
}

/** The policy with what the form says; gates without a form stay. */
export function applyForm(policy: Json, form: PolicyForm): Json {
  const { pusher: _, tagRule: __, soak: ___, ...gates } = object(policy['gates'])
  return {
    ...policy,
    gates: {
      ...gates,
      quorum: form.quorum.map(({ count, group }) => ({ count, ...(group !== '' && { group }) })),
      ...(form.pusherExcluded && { pusher: 'excluded' }),
      ...(form.tagPatterns.length > 0 && { tagRule: { patterns: form.tagPatterns } }),
      ...(form.soakMinutes > 0 && { soak: { minutes: form.soakMinutes } }),
    },
    requestExpiresAfter: { hours: form.expiresAfterHours },
  }
}

/** Gates that are set and have no form. */
export function beyondForm(policy: Json): string[] {
  const others = Object.keys(policy).filter((key) => key !== 'gates' && key !== 'requestExpiresAfter')
  return [...Object.keys(object(policy['gates'])).filter((gate) => !WITH_FORM.includes(gate)), ...others]
}
