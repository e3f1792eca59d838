import { RegistryError } from './errors.ts'

/**
 * The next page of a list, from `Link: </v2/…>; rel="next"`. RFC 8288; Distribution specification,
 * "Listing Tags". A page elsewhere than under the registry's own `/v2/` is refused: it would be fetched
 * with this registry's credentials.
 * @throws RegistryError bad_response
 */
export function nextPage(link: string | string[] | undefined, current: URL, what: string): URL | null {
  if (link === undefined) return null
  const [, target] = /^\s*<([^<>]{1,4096})>\s*;[^<>]*\brel="?next"?/i.exec(String(link)) ?? []
  if (target === undefined) return null
  const url = URL.canParse(target, current.href) ? new URL(target, current) : null
  if (
    url === null ||
    url.origin !== current.origin ||
    !url.pathname.startsWith('/v2/') ||
    url.href === current.href
  ) {
    throw new RegistryError('bad_response', `${what}: the next page is not one of ${current.origin}/v2/`)
  }
  return url
}
