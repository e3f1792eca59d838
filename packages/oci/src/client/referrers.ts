import type { Descriptor } from '../descriptor.ts'
import { OCI_INDEX, parseDescriptor } from '../descriptor.ts'
import { OciError } from '../errors.ts'
import { parseDigest } from '../grammar.ts'
import { type Manifest, parseManifest } from '../manifest.ts'
import { drop } from './answer.ts'
import { RegistryError } from './errors.ts'
import { nextPage } from './paging.ts'
import type { Session } from './session.ts'
import { readBody } from './transport.ts'

const PAGE_LIMIT = 4 * 1024 * 1024
/** Referrers of one manifest; more is an attack or an accident. */
const REFERRERS_LIMIT = 5000

/** The tag that stands for the referrers list where the API is missing. Distribution specification, "Referrers Tag Schema". */
export function referrersTag(digest: string): string {
  const { algorithm, hex } = parseDigest(digest)
  return `${algorithm}-${hex.slice(0, 64)}`
}

/**
 * What refers to `digest`, by the API. Null when the registry does not have the API.
 * Distribution specification, "Listing Referrers".
 */
export async function listByApi(
  session: Session,
  name: string,
  digest: string,
  scopes: readonly string[],
  signal?: AbortSignal,
  enough = REFERRERS_LIMIT,
): Promise<Descriptor[] | null> {
  const what = `the referrers of ${digest} in ${name}`
  const found = new Map<string, Descriptor>()
  let url: string | URL | null = `/v2/${name}/referrers/${digest}`
  while (url !== null) {
    const expect = [200, 400, 404, 405, 501]
    const headers = { accept: OCI_INDEX }
    const answer = await session.call({ method: 'GET', url, scopes, expect, what, headers, signal })
    const type = (answer.headers['content-type'] ?? '').split(';')[0]?.trim()
    if (answer.status !== 200 || type !== OCI_INDEX) {
      drop(answer)
      return null
    }
    const bytes = await readBody(answer, PAGE_LIMIT, session.limits.headMs, what)
    for (const descriptor of readIndex(bytes, what).manifests) found.set(descriptor.digest, descriptor)
    if (found.size > enough && enough < REFERRERS_LIMIT) break
    if (found.size > REFERRERS_LIMIT) {
      throw new RegistryError('too_large', `${what}: more than ${REFERRERS_LIMIT} are listed`)
    }
    url = nextPage(answer.headers.link, answer.url, what)
  }
  return [...found.values()]
}

/** @throws RegistryError bad_response */
export function readIndex(bytes: Uint8Array, what: string): Manifest {
  try {
    return parseManifest(bytes, OCI_INDEX)
  } catch (cause) {
    if (!(cause instanceof OciError)) throw cause
    throw new RegistryError('bad_response', `${what}: ${cause.message}`, { cause })
  }
}

/**
 * How a manifest with a subject is listed, under the digest that it was put by: by another it is not found.
 * Distribution specification, "Pushing Manifests with Subject".
 */
export function referrerDescriptor(manifest: Manifest, digest: string): Descriptor {
  return {
    mediaType: manifest.mediaType,
    digest,
    size: manifest.size,
    ...(manifest.artifactType !== undefined && { artifactType: manifest.artifactType }),
    ...(Object.keys(manifest.annotations).length > 0 && { annotations: manifest.annotations }),
  }
}

/** The fallback index with one more entry, or null when it is there already. */
export function withReferrer(index: Manifest | null, descriptor: Descriptor): Uint8Array | null {
  const manifests = index?.manifests ?? []
  if (manifests.some(({ digest }) => digest === descriptor.digest)) return null
  const checked = parseDescriptor(descriptor, 'referrer')
  const document = { schemaVersion: 2, mediaType: OCI_INDEX, manifests: [...manifests, checked] }
  return Buffer.from(JSON.stringify(document))
}
