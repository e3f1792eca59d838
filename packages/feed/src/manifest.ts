import type { OutgoingHttpHeaders } from 'node:http'
import { digestOf, isDigest, isTag, parseDigest, parseManifest } from '@sluice/oci'
import { readWhole } from './body.ts'
import { readCondition } from './condition.ts'
import { FeedError, quote } from './errors.ts'
import { type Exchange, type FeedParts, writerOf } from './exchange.ts'
import type { ManifestFacts, TagOutcome } from './ports.ts'
import { ensureManifest, ensureTag } from './proxy/manifest.ts'
import { namesEtag } from './range.ts'
import { sendEmpty } from './reply.ts'

const TAGS_PER_PUSH = 100

/**
 * GET and HEAD `manifests/<tag|digest>`: the bytes as pushed under the type they were pushed with,
 * whatever `Accept` says. Distribution specification, "Pulling manifests".
 */
export async function getManifest(
  parts: FeedParts,
  { req, res, address, reference }: Exchange,
): Promise<void> {
  if (reference.includes(':')) parseDigest(reference)
  // What is neither a digest nor a tag cannot exist, and the question costs no look-up.
  const known = isDigest(reference) || isTag(reference)
  const found = known ? await look(parts, req.method, { address, reference }) : null
  if (found === null) throw manifestUnknown(reference)
  const { manifest, bytes, said } = found
  const etag = `"${manifest.digest}"`
  const headers = { 'Docker-Content-Digest': manifest.digest, ETag: etag, ...said }
  if (namesEtag(req.headers['if-none-match'], etag)) return sendEmpty(res, 304, headers)
  res.writeHead(200, {
    ...headers,
    'Content-Type': manifest.mediaType,
    'Content-Length': manifest.size,
  })
  if (bytes === null) res.end()
  else res.end(bytes)
}

type Asked = Pick<Exchange, 'address' | 'reference'>

interface Found {
  readonly manifest: ManifestFacts
  readonly bytes: Uint8Array | null
}

/** Of a proxy feed, after its upstream was asked: about every tag, and about digests that are not kept. */
async function look(
  parts: FeedParts,
  method: string | undefined,
  asked: Asked,
): Promise<(Found & { readonly said?: OutgoingHttpHeaders }) | null> {
  const { proxy } = parts
  const { address, reference } = asked
  if (proxy === null || !address.feed.upstream) return find(parts, method, asked)
  let found: (Found & { readonly said?: OutgoingHttpHeaders }) | null
  if (isDigest(reference)) {
    found = await find(parts, method, asked)
    if (found === null && (await ensureManifest(proxy, address, reference))) {
      found = await find(parts, method, asked)
    }
  } else {
    const ensured = await ensureTag(proxy, address, reference)
    if (ensured === null) return null
    const kept = await find(parts, method, { address, reference: ensured.reference })
    if (kept === null && ensured.otherwise !== null) throw ensured.otherwise
    found = kept && { ...kept, said: { ...ensured.headers } }
  }
  if (found !== null && method === 'GET') proxy.upstreams.noteUse(address, found.manifest.digest)
  return found
}

/** What a GET sends, and what a HEAD tells of it. */
async function find(
  { index }: FeedParts,
  method: string | undefined,
  { address, reference }: Asked,
): Promise<Found | null> {
  if (method === 'HEAD') {
    const manifest = await index.describeManifest(address, reference)
    return manifest && { manifest, bytes: null }
  }
  const stored = await index.findManifest(address, reference)
  return stored && { manifest: { ...stored, size: stored.bytes.byteLength }, bytes: stored.bytes }
}

/**
 * PUT `manifests/<tag>` or `manifests/<digest>[?tag=…&tag=…]`. The bytes are kept as they came. With
 * `If-Match` or `If-None-Match: *` the tags are set only if they are what the client believes.
 * Distribution specification, "Pushing Manifests" and "Pushing Manifests with Subject".
 */
export async function putManifest(parts: FeedParts, exchange: Exchange): Promise<void> {
  const { req, res, address, name, reference } = exchange
  const { digest: asked, tags } = readTarget(exchange)
  const condition = readCondition(req.headers, tags)
  const { manifestBytes, stallMs } = parts.limits
  const tooLarge = () =>
    new FeedError('MANIFEST_INVALID', `a manifest may have ${manifestBytes} bytes at most`, { status: 413 })
  const bytes = await readWhole(req, manifestBytes, stallMs, tooLarge)
  if (bytes === null) return

  const digest = digestOf(bytes, asked === null ? 'sha256' : parseDigest(asked).algorithm)
  if (asked !== null && digest !== asked) {
    throw new FeedError(
      'DIGEST_INVALID',
      `the ${bytes.length} bytes received have the digest ${digest}, not ${asked}`,
    )
  }
  const manifest = parseManifest(bytes, req.headers['content-type'] ?? '')
  const principalId = writerOf(exchange)
  const push = { address, manifest, digest, tags, principalId, ...(condition !== null && { condition }) }
  const outcomes = await parts.index.putManifest(push)
  const accepted = outcomes.filter(isAccepted).map(({ tag }) => tag)
  if (tags.length > 0 && accepted.length === 0) throw tagsRefused(outcomes)
  sendEmpty(res, 201, {
    Location: `/v2/${name}/manifests/${reference}`,
    'Docker-Content-Digest': digest,
    ...(manifest.subject && { 'OCI-Subject': manifest.subject.digest }),
    ...(asked !== null && accepted.length > 0 && { 'OCI-Tag': accepted.join(', ') }),
  })
}

/** The digest and the tags that a PUT asks for, each checked before a byte of the body is read. */
function readTarget({ reference, query }: Exchange): { digest: string | null; tags: string[] } {
  if (!reference.includes(':')) return { digest: null, tags: [checkTag(reference)] }
  parseDigest(reference)
  const tags = [...new Set(query.getAll('tag'))]
  if (tags.length > TAGS_PER_PUSH) {
    throw new FeedError('UNSUPPORTED', `${tags.length} tags in one request; at most ${TAGS_PER_PUSH}`, {
      status: 414,
    })
  }
  return { digest: reference, tags: tags.map(checkTag) }
}

function checkTag(tag: string): string {
  if (isTag(tag)) return tag
  throw new FeedError(
    'MANIFEST_INVALID',
    `${quote(tag)} is not a tag: 1 to 128 of A-Z a-z 0-9 _ . - and neither . nor - in front${
      tag.includes('+') ? '; build metadata (+…) cannot be part of one' : ''
    }`,
  )
}

const isAccepted = (outcome: TagOutcome): boolean => outcome.moved || outcome.refusal === null

function tagsRefused(outcomes: readonly TagOutcome[]): FeedError {
  const refusals = outcomes.flatMap((outcome) =>
    outcome.moved || outcome.refusal === null ? [] : [{ tag: outcome.tag, ...outcome.refusal }],
  )
  const message = refusals.map(({ tag, message }) => `${quote(tag)}: ${message}`).join('; ')
  return new FeedError('DENIED', message, { status: 409, detail: refusals })
}

/** DELETE `manifests/<tag|digest>`. Distribution specification, "Deleting tags", "Deleting Manifests". */
export async function removeManifest({ index }: FeedParts, exchange: Exchange): Promise<void> {
  const { res, address, reference } = exchange
  const principalId = writerOf(exchange)
  if (reference.includes(':')) parseDigest(reference)
  const removed = isDigest(reference)
    ? await index.deleteManifest(address, reference, principalId)
    : isTag(reference) && (await index.deleteTag(address, reference, principalId))
  if (!removed) throw manifestUnknown(reference)
  sendEmpty(res, 202)
}

function manifestUnknown(reference: string): FeedError {
  return new FeedError('MANIFEST_UNKNOWN', `this repository has no manifest ${quote(reference)}`)
}
