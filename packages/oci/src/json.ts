import { OciError, quote } from './errors.ts'

const MAX_DEPTH = 64

/**
 * Parses untrusted JSON so that every reader sees the same document: strict UTF-8, no byte order
 * mark, no key twice in one object (parsers differ in which one wins), at most 64 levels.
 * @throws OciError MANIFEST_INVALID
 */
export function parseJson(bytes: Uint8Array): unknown {
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch (cause) {
    throw new OciError('MANIFEST_INVALID', 'the manifest is not valid UTF-8', { cause })
  }
  try {
    checkKeys(text)
    return JSON.parse(text)
  } catch (cause) {
    if (cause instanceof OciError) throw cause
    throw new OciError('MANIFEST_INVALID', 'the manifest is not valid JSON', { cause })
  }
}

/**
 * One pass over the tokens for depth and repeated keys. It does not check the grammar (JSON.parse
 * does, afterwards); on malformed text it only has to end.
 */
function checkKeys(text: string): void {
  const open: (Set<string> | null)[] = [] // the keys of each open object; null for an array
  let keyNext = false
  for (let at = 0; at < text.length; at++) {
    switch (text.charAt(at)) {
      case '{':
      case '[':
        if (open.length === MAX_DEPTH) {
          throw new OciError('MANIFEST_INVALID', `the manifest nests deeper than ${MAX_DEPTH} levels`)
        }
        keyNext = text[at] === '{'
        open.push(keyNext ? new Set() : null)
        break
      case '}':
      case ']':
        open.pop()
        keyNext = false
        break
      case ',':
        keyNext = open.at(-1) instanceof Set
        break
      case '"': {
        const end = stringEnd(text, at)
        const keys = open.at(-1)
        if (keyNext && keys) addKey(keys, text.slice(at, end + 1))
        keyNext = false
        at = end
        break
      }
    }
  }
}

function addKey(keys: Set<string>, literal: string): void {
  const key: string = literal.includes('\\') ? JSON.parse(literal) : literal.slice(1, -1)
  if (keys.has(key)) {
    throw new OciError(
      'MANIFEST_INVALID',
      `the key ${quote(key)} appears twice in one object of the manifest`,
    )
  }
  keys.add(key)
}

/** The position of the quote that ends the string starting at `start`, or of the text's last character. */
function stringEnd(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    const c = text.charCodeAt(at)
    if (c === 92) at++
    else if (c === 34) return at
  }
  return text.length - 1
}

/**
 * Does this JSON nest deeper than so many levels? One pass over the bytes, before a parser spends itself on
 * them; what is no JSON gets some answer.
 */
export function nestsDeeper(json: Uint8Array, levels: number): boolean {
  let depth = 0
  let quoted = false
  for (let at = 0; at < json.length; at++) {
    const byte = json[at]
    if (quoted) {
      if (byte === 0x5c) at++
      else if (byte === 0x22) quoted = false
    } else if (byte === 0x22) quoted = true
    else if (byte === 0x7b || byte === 0x5b) {
      if (++depth > levels) return true
    } else if (byte === 0x7d || byte === 0x5d) depth--
  }
  return false
}
