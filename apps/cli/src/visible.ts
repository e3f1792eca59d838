// Controls (a lone 0x9b opens a terminal sequence too), line separators, and format characters: direction
// marks and overrides, zero widths.
const unsafe = /[\p{Cc}\p{Cf}\u2028\u2029]/gu

const named: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

/** JSON's own escapes, one for each UTF-16 unit. */
const escaped = (found: string): string =>
  found
    .split('')
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .join('')

/** One line of foreign text as a terminal may show it: what moves the cursor or hides text is spelled out. */
export function visible(text: string): string {
  return text.replace(unsafe, (found) => named[found] ?? escaped(found))
}

/** JSON whose text is equally harmless on a terminal; it parses to the same value. */
export function visibleJson(value: unknown, indent?: number): string {
  const text = JSON.stringify(value, null, indent)
  return text.replace(unsafe, (found) => (found === '\n' ? found : escaped(found)))
}
