/** Where to go after signing in: a path of this app and nothing else. */
export function returnPath(value: unknown): string {
  if (typeof value !== 'string' || !/^\/(?![/\\])/.test(value) || /\p{Cc}/u.test(value)) return '/'
  return /^\/(sign-in|password)\b/.test(value) ? '/' : value
}
