import { createHash } from 'node:crypto'
import type { RequestKind } from './states.ts'

/** One manifest or blob of an item's closure. Sizes in bytes. */
export interface BoundMember {
  readonly kind: 'manifest' | 'blob'
  readonly digest: string
  readonly size: number
  readonly mediaType: string
}

export interface BoundItem {
  readonly position: number
  readonly sourceRepositoryId: string
  readonly digest: string
  readonly mediaType: string
  readonly targetRepository: string
  readonly closure: readonly BoundMember[]
  /** Each target tag with the digest it pointed at when the request was made; null: nothing. */
  readonly tags: readonly { readonly tag: string; readonly expected: string | null }[]
}

export interface BoundRequest {
  readonly requestId: string
  readonly laneId: string
  readonly laneVersion: number
  readonly policyHash: string
  readonly setDigest: string
  readonly kind: RequestKind
  /** The recall that a restore undoes; null otherwise. */
  readonly recallId: string | null
}

/** Hex SHA-256 over the members of a closure, one line each, in the order of their digests. */
export function closureHash(closure: readonly BoundMember[]): string {
  const lines = [...closure]
    .sort((a, b) => byBytes(a.digest, b.digest))
    .map(({ kind, digest, size, mediaType }) => `${kind} ${digest} ${size} ${mediaType}`)
  return sha256(lines.join('\n'))
}

/** What is asked for, whatever the lane: `sha256:` over all items with their closures, targets and tags. */
export function setDigest(items: readonly BoundItem[]): string {
  const lines = [...items].sort((a, b) => a.position - b.position).flatMap(linesOf)
  return `sha256:${sha256(lines.join('\n'))}`
}

/**
 * What an approval binds: hex SHA-256 over the request, its lane with version and policy, and the
 * set digest, and what kind of request it is. `request_binding` in prisma/migrations computes the same from the rows themselves.
 */
export function boundHash(request: BoundRequest): string {
  const { requestId, laneId, laneVersion, policyHash, setDigest, kind, recallId } = request
  return sha256(
    [
      'sluice-binding/v1',
      `request ${requestId}`,
      `lane ${laneId} ${laneVersion} ${policyHash}`,
      `set ${setDigest}`,
      ...(kind === 'promote' ? [] : [`kind ${kind} ${recallId ?? '-'}`]),
    ].join('\n'),
  )
}

function linesOf(item: BoundItem): string[] {
  const { position, sourceRepositoryId, digest, mediaType, targetRepository } = item
  return [
    `item ${position} ${sourceRepositoryId} ${digest} ${mediaType} ${closureHash(item.closure)} ${targetRepository}`,
    ...[...item.tags]
      .sort((a, b) => byBytes(a.tag, b.tag))
      .map(({ tag, expected }) => `tag ${position} ${tag} ${expected ?? '-'}`),
  ]
}

/** As `collate "C"` orders; digests and tags are ASCII, so code units are bytes. */
function byBytes(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function sha256(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex')
}
