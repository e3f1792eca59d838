/** `sha256:1a2b3c4d5e6f`: enough to tell digests apart on one page; the whole is in the title and the copy. */
export function shortDigest(digest: string): string {
  const colon = digest.indexOf(':')
  return digest.slice(0, colon + 13)
}
