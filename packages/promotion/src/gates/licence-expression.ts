const DEPTH_LIMIT = 50
const TOKENS_LIMIT = 1_000

/**
 * Is every way to take this SPDX licence expression (SPDX 2.3, annex D) closed, when `denied` says which
 * licences are? Of "A OR B" one must be open; of "A AND B" both. What is no expression is closed as soon as
 * one word of it is.
 */
export function deniedBy(expression: string, denied: (licence: string) => boolean): boolean {
  if (denied(expression)) return true
  const tokens = expression.replace(/[()]/g, ' $& ').split(/\s+/).filter(Boolean)
  if (tokens.length > TOKENS_LIMIT) return true
  const reader: Reader = { tokens, at: 0, denied }
  const verdict = either(reader, 0)
  if (verdict !== null && reader.at === tokens.length) return verdict
  return tokens.some(denied)
}

interface Reader {
  readonly tokens: readonly string[]
  at: number
  readonly denied: (licence: string) => boolean
}

function either(reader: Reader, depth: number): boolean | null {
  return joined(
    reader,
    'OR',
    (each) => both(each, depth),
    (a, b) => a && b,
  )
}

function both(reader: Reader, depth: number): boolean | null {
  return joined(
    reader,
    'AND',
    (each) => one(each, depth),
    (a, b) => a || b,
  )
}

function joined(
  reader: Reader,
  word: string,
  part: (reader: Reader) => boolean | null,
  join: (a: boolean, b: boolean) => boolean,
): boolean | null {
  let verdict = part(reader)
  while (verdict !== null && reader.tokens[reader.at]?.toUpperCase() === word) {
    reader.at++
    const next = part(reader)
    verdict = next === null ? null : join(verdict, next)
  }
  return verdict
}

function one(reader: Reader, depth: number): boolean | null {
  const token = reader.tokens[reader.at++]
  if (token === undefined || depth > DEPTH_LIMIT || /^(?:AND|OR|WITH|\))$/i.test(token)) return null
  if (token === '(') {
    const inner = either(reader, depth + 1)
    return reader.tokens[reader.at++] === ')' ? inner : null
  }
  if (reader.tokens[reader.at]?.toUpperCase() !== 'WITH') return reader.denied(token)
  const exception = reader.tokens[reader.at + 1]
  reader.at += 2
  return exception === undefined ? null : reader.denied(token) || reader.denied(`${token} WITH ${exception}`)
}
