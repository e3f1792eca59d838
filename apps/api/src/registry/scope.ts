import { isRepositoryName } from '@sluice/oci'

/** One thing a client asks a registry token for, as `repository:dev/app:pull,push`. */
export type Scope = { readonly type: string; readonly name: string; readonly actions: readonly Action[] }

export type Action = 'pull' | 'push' | 'delete'
const ACTIONS: readonly Action[] = ['pull', 'push', 'delete']

/** More than any client sends: a push names its target and one repository a mounted blob. */
export const SCOPE_LIMIT = 100

/**
 * Reads `scope` parameters, repeated or space-joined: `type[(class)]:name:action[,action]`, split at the first
 * and the last colon. What cannot be granted (another type, no repository name, an unknown action) is left out:
 * a token for less than was asked is no error. Null when there are more than {@link SCOPE_LIMIT}.
 * Token specification, "Requesting a Token".
 */
export function readScopes(parameters: readonly string[]): Scope[] | null {
  const scopes = parameters.flatMap((parameter) => parameter.split(' ')).filter((text) => text !== '')
  return scopes.length > SCOPE_LIMIT ? null : scopes.flatMap((text) => readScope(text) ?? [])
}

function readScope(text: string): Scope | null {
  const first = text.indexOf(':')
  const last = text.lastIndexOf(':')
  if (first < 0 || first === last) return null
  const kind = text.slice(0, first)
  const paren = kind.indexOf('(')
  const type = paren < 0 ? kind : kind.slice(0, paren)
  const name = text.slice(first + 1, last)
  const asked = text.slice(last + 1).split(',')
  if (type === 'registry' && name === 'catalog') return { type, name, actions: [] }
  if (type !== 'repository' || !name.includes('/') || !isRepositoryName(name)) return null
  return { type, name, actions: ACTIONS.filter((action) => asked.includes(action) || asked.includes('*')) }
}
