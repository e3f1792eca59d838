import { getBlob, removeBlob } from './blob.ts'
import { FeedError } from './errors.ts'
import type { Handler } from './exchange.ts'
import { getManifest, putManifest, removeManifest } from './manifest.ts'
import type { PathParts } from './path.ts'
import type { Verb } from './ports.ts'
import { listReferrers } from './referrers.ts'
import { listTags } from './tags.ts'
import { appendUpload, cancelUpload, closeUpload, openUpload, showUpload } from './upload.ts'

/** One endpoint: what stands behind the repository's name, the right it needs, and who answers. */
interface Row {
  readonly methods: readonly string[]
  /** `*` is the reference: a tag, a digest or an upload id. */
  readonly pattern: readonly string[]
  readonly verb: Verb
  readonly handler: Handler
}

const GET = ['GET', 'HEAD']

/** Distribution specification, "Endpoints". Every right that a request needs is stated here. */
export const ROWS: readonly Row[] = [
  { methods: GET, pattern: ['tags', 'list'], verb: 'pull', handler: listTags },
  { methods: GET, pattern: ['manifests', '*'], verb: 'pull', handler: getManifest },
  { methods: ['PUT'], pattern: ['manifests', '*'], verb: 'push', handler: putManifest },
  { methods: ['DELETE'], pattern: ['manifests', '*'], verb: 'delete', handler: removeManifest },
  { methods: GET, pattern: ['referrers', '*'], verb: 'pull', handler: listReferrers },
  { methods: ['POST'], pattern: ['blobs', 'uploads'], verb: 'push', handler: openUpload },
  { methods: ['POST'], pattern: ['blobs', 'uploads', ''], verb: 'push', handler: openUpload },
  { methods: GET, pattern: ['blobs', 'uploads', '*'], verb: 'push', handler: showUpload },
  { methods: ['PATCH'], pattern: ['blobs', 'uploads', '*'], verb: 'push', handler: appendUpload },
  { methods: ['PUT'], pattern: ['blobs', 'uploads', '*'], verb: 'push', handler: closeUpload },
  { methods: ['DELETE'], pattern: ['blobs', 'uploads', '*'], verb: 'push', handler: cancelUpload },
  { methods: GET, pattern: ['blobs', '*'], verb: 'pull', handler: getBlob },
  { methods: ['DELETE'], pattern: ['blobs', '*'], verb: 'delete', handler: removeBlob },
]

export interface Match {
  readonly row: Row
  /** `feed/repository`, not yet checked. */
  readonly name: string
  readonly reference: string
}

/**
 * Finds the endpoint, reading from the right: repository names contain slashes, and may contain
 * the words of the patterns as well.
 */
export function matchRoute(method: string, parts: PathParts): Match {
  const allowed = new Set<string>()
  for (const row of ROWS) {
    if (!fits(row.pattern, parts)) continue
    if (row.methods.includes(method)) {
      const at = parts.length - row.pattern.length
      return { row, name: parts.slice(0, at).join('/'), reference: parts.at(-1) ?? '' }
    }
    for (const other of row.methods) allowed.add(other)
  }
  if (allowed.size === 0) {
    throw new FeedError('NAME_UNKNOWN', 'there is no such endpoint in the Distribution specification')
  }
  throw new FeedError('UNSUPPORTED', `this endpoint takes ${[...allowed].join(', ')}`, {
    status: 405,
    headers: { Allow: [...allowed].join(', ') },
  })
}

function fits(pattern: readonly string[], parts: PathParts): boolean {
  const from = parts.length - pattern.length
  if (from < 1) return false
  return pattern.every((word, i) => {
    const part = parts[from + i]
    return word === '*' ? part !== '' && part !== undefined : word === part
  })
}
