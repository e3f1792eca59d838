import { isNode, LineCounter, parseDocument, stringify } from 'yaml'
import { isObject } from '../json.ts'

export type Mistake = { readonly line: number | null; readonly message: string }

export function writeYaml(policy: unknown): string {
  return stringify(policy, { lineWidth: 0 })
}

/** The policy, or where the text is wrong. Aliases are not expanded beyond what a policy could need. */
export function readYaml(text: string): {
  policy: Record<string, unknown> | null
  mistakes: readonly Mistake[]
} {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines })
  const mistakes = document.errors.map(({ message, pos }) => ({
    line: lines.linePos(pos[0]).line,
    message: message.split('\n', 1)[0] ?? message,
  }))
  if (mistakes.length > 0) return { policy: null, mistakes }
  const value: unknown = document.toJS({ maxAliasCount: 20 })
  if (value === null) return { policy: {}, mistakes: [] }
  if (!isObject(value)) {
    return { policy: null, mistakes: [{ line: 1, message: 'a policy is a mapping, as in "gates:"' }] }
  }
  return { policy: value, mistakes: [] }
}

/** The line that a field path of the service names: `policy.gates.quorum[0].count`. Null: not in the text. */
export function lineOf(text: string, field: string): number | null {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines })
  const path = [...field.replace(/^policy\.?/, '').matchAll(/[^.[\]]+/g)].map(([part]) =>
    /^\d+$/.test(part) ? Number(part) : part,
  )
  for (let length = path.length; length > 0; length--) {
    const node: unknown = document.getIn(path.slice(0, length), true)
    if (isNode(node) && node.range != null) return lines.linePos(node.range[0]).line
  }
  return null
}
