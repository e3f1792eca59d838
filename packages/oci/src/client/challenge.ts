/** One challenge of a 401. RFC 9110, section 11.6.1. */
export interface Challenge {
  /** Lower case. */
  readonly scheme: string
  readonly parameters: ReadonlyMap<string, string>
}

const LENGTH_LIMIT = 8192

/** Reads `WWW-Authenticate`, several challenges included, in one pass; stops at what is malformed. */
export function parseChallenges(header: string | undefined): Challenge[] {
  if (header === undefined || header.length > LENGTH_LIMIT) return []
  const found: { scheme: string; parameters: Map<string, string> }[] = []
  const token = /[\s,]*([A-Za-z0-9!#$%&'*+.^_`|~-]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*)))?/y
  for (;;) {
    const match = token.exec(header)
    if (match === null) return found
    const [, name = '', quoted, bare] = match
    const value = quoted?.replace(/\\(.)/g, '$1') ?? bare
    if (value === undefined) found.push({ scheme: name.toLowerCase(), parameters: new Map() })
    else found.at(-1)?.parameters.set(name.toLowerCase(), value)
  }
}
