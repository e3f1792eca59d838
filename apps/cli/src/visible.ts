// C0, DEL, C1 (a lone 0x9b opens a terminal sequence), line separators, direction marks and overrides.
const unsafe = /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g

const code = (c: string): string => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`

/** One line of foreign text as a terminal may show it: what moves the cursor or hides text is spelled out. */
export function visible(text: string): string {
  return text.replace(unsafe, (c) => (c === '\n' ? '\\n' : c === '\r' ? '\\r' : c === '\t' ? '\\t' : code(c)))
}

/** JSON whose text is equally harmless on a terminal; it parses to the same value. */
export function visibleJson(value: unknown, indent?: number): string {
  const text = JSON.stringify(value, null, indent) ?? 'null'
  return text.replace(unsafe, (c) => (c === '\n' ? c : code(c)))
}
