/** What the header `Authorization` shows. RFC 7617 and RFC 6750. */
export type Credential =
  | { readonly kind: 'none' }
  | { readonly kind: 'basic'; readonly username: string; readonly secret: string }
  | { readonly kind: 'bearer'; readonly secret: string }
  | { readonly kind: 'malformed' }

const HEADER_LIMIT = 20_000

export function readCredential(header: string | undefined): Credential {
  if (header === undefined) return { kind: 'none' }
  if (header.length > HEADER_LIMIT) return { kind: 'malformed' }
  const space = header.indexOf(' ')
  const scheme = header.slice(0, Math.max(space, 0)).toLowerCase()
  const value = header.slice(space + 1).trim()
  if (scheme === 'bearer' && /^[\x21-\x7e]+$/.test(value)) return { kind: 'bearer', secret: value }
  if (scheme !== 'basic') return { kind: 'malformed' }
  const pair = Buffer.from(value, 'base64').toString('utf8')
  const colon = pair.indexOf(':')
  if (colon < 1 || pair.includes('\0')) return { kind: 'malformed' }
  return { kind: 'basic', username: pair.slice(0, colon), secret: pair.slice(colon + 1) }
}
