/**
 * How two JSON objects differ, leaf by leaf: `- path: before` and `+ path: after`, sorted by path. Key order is
 * no difference.
 */
export function diff(before: unknown, after: unknown): string[] {
  const [old, now] = [leaves(before), leaves(after)]
  return [...new Set([...old.keys(), ...now.keys()])].sort().flatMap((path) => {
    const [was, is] = [old.get(path), now.get(path)]
    if (was === is) return []
    return [
      ...(was === undefined ? [] : [`- ${path}: ${was}`]),
      ...(is === undefined ? [] : [`+ ${path}: ${is}`]),
    ]
  })
}

function leaves(value: unknown, path = '', found = new Map<string, string>()): Map<string, string> {
  if (value === undefined) return found
  const isBranch = typeof value === 'object' && value !== null && Object.keys(value).length > 0
  if (!isBranch) return path === '' ? found : found.set(path, JSON.stringify(value))
  const child = Array.isArray(value)
    ? (key: string) => `${path}[${key}]`
    : (key: string) => (path === '' ? key : `${path}.${key}`)
  for (const [key, inner] of Object.entries(value)) leaves(inner, child(key), found)
  return found
}
