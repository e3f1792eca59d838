/** What can be wrong with a name, a digest, a manifest or the graph they form. */
export type OciErrorCode =
  | 'NAME_INVALID'
  | 'TAG_INVALID'
  | 'REFERENCE_INVALID'
  | 'FEED_MISMATCH'
  | 'DIGEST_INVALID'
  | 'DIGEST_UNSUPPORTED'
  | 'DIGEST_MISMATCH'
  | 'SIZE_INVALID'
  | 'TOO_LARGE'
  | 'MEDIA_TYPE_UNSUPPORTED'
  | 'MANIFEST_INVALID'
  | 'MANIFEST_UNKNOWN'
  | 'GRAPH_TOO_DEEP'
  | 'GRAPH_TOO_LARGE'

/** The one error of this package. The message says what was wrong, where, and what to do. */
export class OciError extends Error {
  readonly code: OciErrorCode

  constructor(code: OciErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.name = 'OciError'
    this.code = code
  }
}

const QUOTE_LIMIT = 120

/**
 * Foreign text for use in a message: cut at 120 characters and reduced to printable ASCII, so that
 * no line break, terminal sequence or direction mark reaches a log or a screen.
 */
export function quote(text: string): string {
  const shown = text.length > QUOTE_LIMIT ? `${text.slice(0, QUOTE_LIMIT)}…` : text
  const escaped = shown.replace(
    /[^\x20-\x7e…]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
  return `"${escaped}"`
}
