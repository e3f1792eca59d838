import type { Transform } from 'node:stream'
import { type Descriptor, MANIFEST_TYPES, OCI_INDEX } from '../descriptor.ts'
import { digestOf, verifyBytes } from '../digest.ts'
import { OciError, quote } from '../errors.ts'
import { type Algorithm, isDigest, isTag, parseDigest } from '../grammar.ts'
import { type Manifest, MANIFEST_LIMIT, parseManifest } from '../manifest.ts'
import { drop, isRecord, parseAnswer } from './answer.ts'
import { BlobCheck, checkedStream, type OpenBlob, openBlob } from './blob.ts'
import { RegistryError } from './errors.ts'
import { nextPage } from './paging.ts'
import { listByApi, readIndex, referrerDescriptor, referrersTag, withReferrer } from './referrers.ts'
import type { Registry } from './registry.ts'
import type { Session } from './session.ts'
import { readBody } from './transport.ts'
import { Uploads } from './upload.ts'

const TAG_PAGE_LIMIT = 8 * 1024 * 1024
const ACCEPT = MANIFEST_TYPES.join(', ')

export interface Resolved {
  readonly digest: string
  /** What the registry calls it, only where that is another digest of the same bytes. */
  readonly called?: string
  readonly mediaType: string
  /** Bytes. */
  readonly size: number
}

type Access = 'pull' | 'pull,push' | 'delete'

/** One repository of a registry. Every method throws RegistryError, or OciError for what is malformed. */
export class Repository {
  readonly registry: Registry
  readonly name: string
  readonly uploads: Uploads
  readonly #session: Session
  /** Reads use the same token as writes where both are done, which saves a round trip. */
  readonly #access: Access

  constructor(registry: Registry, session: Session, name: string, access: 'pull' | 'pull,push') {
    this.registry = registry
    this.name = name
    this.#session = session
    this.#access = access
    this.uploads = new Uploads(session, name, this.#scopes('pull,push'))
  }

  /**
   * What a tag or digest names now; null when there is none. The digest is checked where it was not given.
   * @param wanted what a tag is hoped to name: a registry that calls the same bytes by sha256 has it
   */
  async resolve(reference: string, signal?: AbortSignal, wanted?: string): Promise<Resolved | null> {
    const found = await this.#resolve(reference, signal)
    if (found === null || wanted === undefined) return found
    const { digest: called } = found
    const { algorithm } = parseDigest(wanted)
    // By sha256 a registry calls what it knows no other name for; another name than that is one that somebody gave.
    if (algorithm === 'sha256' || parseDigest(called).algorithm !== 'sha256') return found
    const served = await this.hashServed(reference, algorithm, signal).catch((error: unknown) => {
      // What is larger than a manifest may be is something else.
      if (error instanceof RegistryError && error.code === 'too_large') return null
      throw error
    })
    return served === wanted ? { ...found, digest: wanted, called } : found
  }

  /** The digest, by this algorithm, of the bytes that a tag serves now, whatever a header calls them; null: none. */
  async hashServed(tag: string, algorithm: Algorithm, signal?: AbortSignal): Promise<string | null> {
    const served = await this.#readManifest(tag, signal)
    return served && digestOf(served.bytes, algorithm)
  }

  async #resolve(reference: string, signal?: AbortSignal): Promise<Resolved | null> {
    const call = this.#manifestCall(reference, 'HEAD', signal)
    const answer = await this.#session.call({ ...call, expect: [200, 404, 405] })
    drop(answer)
    if (answer.status === 404) return null
    const { 'docker-content-digest': given, 'content-length': length, 'content-type': type } = answer.headers
    const digest = isDigest(reference) ? reference : given
    const complete =
      typeof digest === 'string' && isDigest(digest) && length !== undefined && type !== undefined
    if (answer.status === 200 && complete) {
      return { digest, mediaType: (type.split(';')[0] ?? '').trim(), size: Number(length) }
    }
    const manifest = await this.getManifest(reference, signal)
    if (manifest === null) return null
    const { bytes, mediaType, size } = manifest
    return { digest: isDigest(reference) ? reference : digestOf(bytes), mediaType, size }
  }

  /**
   * A manifest, read from the bytes that were served; null when there is none. Fetched by digest, the
   * bytes are checked against it; no header is believed. Distribution specification, "Pulling manifests".
   */
  async getManifest(reference: string, signal?: AbortSignal): Promise<Manifest | null> {
    const served = await this.#readManifest(reference, signal)
    if (served === null) return null
    const { bytes, type, what } = served
    try {
      if (isDigest(reference)) verifyBytes(bytes, reference)
      return parseManifest(bytes, type)
    } catch (cause) {
      if (!(cause instanceof OciError)) throw cause
      const code = cause.code === 'DIGEST_MISMATCH' ? 'wrong_digest' : 'bad_response'
      throw new RegistryError(code, `${what}: ${cause.message}`, { cause })
    }
  }

  /** The bytes as they were served, and what they are said to be. */
  async #readManifest(reference: string, signal?: AbortSignal) {
    const call = this.#manifestCall(reference, 'GET', signal)
    const answer = await this.#session.call({ ...call, expect: [200, 404] })
    if (answer.status === 404) {
      drop(answer)
      return null
    }
    const bytes = await readBody(answer, MANIFEST_LIMIT, this.#session.limits.headMs, call.what)
    const type = answer.headers['content-type'] ?? ''
    return { bytes, type, what: `${call.what}, served by ${answer.url.host}` }
  }

  /** Size of a blob in bytes; null when there is none. */
  async headBlob(digest: string, signal?: AbortSignal): Promise<number | null> {
    const call = { method: 'HEAD', url: this.#blobPath(digest), scopes: this.#scopes(this.#access) }
    const answer = await this.#session.call({ ...call, expect: [200, 404], what: this.#blob(digest), signal })
    drop(answer)
    if (answer.status === 404) return null
    const size = Number(answer.headers['content-length'] ?? Number.NaN)
    if (Number.isSafeInteger(size)) return size
    throw new RegistryError('bad_response', `${this.#blob(digest)}: HEAD answers no length`)
  }

  /** The raw body from byte `from`, unchecked but for its length; for who checks it himself. */
  openBlob(digest: string, size: number, from: number, signal?: AbortSignal): Promise<OpenBlob> {
    const call = { url: this.#blobPath(digest), scopes: this.#scopes(this.#access), size, from, signal }
    return openBlob(this.#session, { ...call, what: this.#blob(digest) })
  }

  /** A stream of exactly the blob: it fails before its end on wrong bytes or another length than `size`. */
  async getBlob(
    { digest, size }: { digest: string; size: number },
    signal?: AbortSignal,
  ): Promise<Transform> {
    const { answer } = await this.openBlob(digest, size, 0, signal)
    const checked = checkedStream(new BlobCheck(digest, size, this.#blob(digest)))
    answer.body.once('error', (error) => checked.destroy(error))
    checked.once('close', () => answer.body.destroy())
    return answer.body.pipe(checked)
  }

  /**
   * Pushes exact bytes under their digest, or under a tag. Where the manifest has a subject and the
   * registry keeps no referrers, the fallback tag of the subject is kept up to date.
   * Distribution specification, "Pushing Manifests".
   * @throws RegistryError unsupported where the registry does not keep it under a digest of this algorithm
   */
  async putManifest(manifest: Manifest, reference: string, signal?: AbortSignal): Promise<void> {
    if (isDigest(reference)) verifyBytes(manifest.bytes, reference)
    const call = this.#manifestCall(reference, 'PUT', signal)
    const headers = { 'content-type': manifest.mediaType, 'content-length': String(manifest.size) }
    const scopes = this.#scopes('pull,push')
    const body = manifest.bytes
    const wide = isDigest(reference) && parseDigest(reference).algorithm !== 'sha256'
    const sent = this.#session.call({ ...call, scopes, headers, body, expect: [201, 200, 202] })
    const answer = await sent.catch((error: unknown) => {
      // The bytes are those of the digest: what the registry finds wrong with it is its algorithm.
      if (wide && error instanceof RegistryError && error.code === 'wrong_digest')
        throw this.#noSuchDigests(reference, error)
      throw error
    })
    drop(answer)
    const { 'docker-content-digest': said } = answer.headers
    const algorithm = typeof said === 'string' && isDigest(said) ? parseDigest(said).algorithm : null
    // Some keep it under the digest that was asked for, and call it by sha256 all the same.
    if (wide && said !== reference && (await this.getManifest(reference, signal)) === null)
      throw this.#noSuchDigests(reference)
    if (algorithm !== null && said !== digestOf(body, algorithm)) {
      throw new RegistryError(
        'wrong_digest',
        `${call.what}: ${answer.url.host} says it stored ${quote(String(said))}`,
      )
    }
    if (manifest.subject !== null && answer.headers['oci-subject'] === undefined) {
      const own = isDigest(reference) ? reference : digestOf(body)
      await this.registry.alone(`${this.name}@${manifest.subject.digest}`, () =>
        this.#keepFallback(manifest, own, signal),
      )
    }
  }

  /**
   * Lets a tag name a manifest whose parts are all there. Asked once and not again: nobody would know whether the
   * first time still arrives. A registry reads sha256 into a tag, unless it is told the digest beside it; one that does
   * not say that it did so is looked at. The plain way is not taken in its place: it would name another digest.
   * @param notAfter by `Date.now()`; later it is not sent
   * @throws RegistryError unsupported where the registry sets no tag to a digest of this algorithm
   */
  async putTag(
    manifest: Manifest,
    { tag, digest }: { readonly tag: string; readonly digest: string },
    notAfter: number,
    signal?: AbortSignal,
  ): Promise<void> {
    const call = this.#manifestCall(tag, 'PUT', signal)
    const { algorithm } = parseDigest(digest)
    const wide = algorithm !== 'sha256'
    const headers = { 'content-type': manifest.mediaType, 'content-length': String(manifest.size) }
    const sent = { ...call, headers, scopes: this.#scopes('pull,push'), body: manifest.bytes, notAfter }
    const url = wide ? `/v2/${this.name}/manifests/${digest}?tag=${tag}` : call.url
    const answer = await this.#session.once({ ...sent, url, expect: [201, 200, 202] })
    drop(answer)
    if (!wide) return
    const set = [answer.headers['oci-tag'] ?? []].flat().flatMap((names) => names.split(/,\s*/))
    if (set.includes(tag)) return
    const served = await this.hashServed(tag, algorithm, signal)
    if (served === digest) return
    throw new RegistryError(
      'unsupported',
      `the registry ${this.registry.host} was asked to let ${this.name}:${tag} name ${digest}, and serves ${served ?? 'nothing'} there`,
    )
  }

  /** False when there was none. Deleting a digest deletes its tags too. */
  async deleteManifest(reference: string, signal?: AbortSignal): Promise<boolean> {
    const call = this.#manifestCall(reference, 'DELETE', signal)
    const answer = await this.#session.call({
      ...call,
      scopes: this.#scopes('delete'),
      expect: [202, 200, 204, 404],
    })
    drop(answer)
    return answer.status !== 404
  }

  /** All tags, page by page, as the registry orders them. Distribution specification, "Listing Tags". */
  async *listTags(signal?: AbortSignal): AsyncGenerator<string[]> {
    const what = `the tags of ${this.name}`
    let url: string | URL | null = `/v2/${this.name}/tags/list?n=1000`
    while (url !== null) {
      const scopes = this.#scopes(this.#access)
      const answer = await this.#session.call({
        method: 'GET',
        url,
        scopes,
        expect: [200, 404],
        what,
        signal,
      })
      if (answer.status === 404) {
        drop(answer)
        return
      }
      const body = await readBody(answer, TAG_PAGE_LIMIT, this.#session.limits.headMs, what)
      const document = parseAnswer(body, what)
      const tags = isRecord(document) ? (document.tags ?? []) : undefined
      if (!Array.isArray(tags) || !tags.every((tag) => typeof tag === 'string' && isTag(tag))) {
        throw new RegistryError('bad_response', `${what}: the answer is not a list of tags`)
      }
      yield tags
      url = nextPage(answer.headers.link, answer.url, what)
    }
  }

  /**
   * What refers to this digest, by the API and by the fallback tag. Once there are more than `enough`, no further page
   * is asked for.
   */
  async referrers(digest: string, signal?: AbortSignal, enough?: number): Promise<Descriptor[]> {
    const scopes = this.#scopes(this.#access)
    const listed = await listByApi(this.#session, this.name, digest, scopes, signal, enough)
    // A registry with the API lists what the fallback tag lists.
    return listed ?? (await this.#fallbackIndex(digest, signal))?.manifests ?? []
  }

  /** @param own the digest that the manifest was put by */
  async #keepFallback(manifest: Manifest, own: string, signal?: AbortSignal): Promise<void> {
    if (manifest.subject === null) return
    const { digest } = manifest.subject
    const listed = await listByApi(this.#session, this.name, digest, this.#scopes(this.#access), signal)
    if (listed?.some((descriptor) => descriptor.digest === own) === true) return
    const bytes = withReferrer(await this.#fallbackIndex(digest, signal), referrerDescriptor(manifest, own))
    if (bytes !== null) await this.putManifest(parseManifest(bytes, OCI_INDEX), referrersTag(digest), signal)
  }

  async #fallbackIndex(digest: string, signal?: AbortSignal): Promise<Manifest | null> {
    const tag = referrersTag(digest)
    const index = await this.getManifest(tag, signal)
    // A registry may take such a tag for the digest: then it names the subject, and says nothing of what refers to it.
    if (index === null || digestOf(index.bytes, parseDigest(digest).algorithm) === digest) return null
    return readIndex(index.bytes, `the tag ${tag} of ${this.name}`)
  }

  #noSuchDigests(digest: string, cause?: unknown): RegistryError {
    const { algorithm } = parseDigest(digest)
    return new RegistryError(
      'unsupported',
      `the registry ${this.registry.host} keeps no manifest under a ${algorithm} digest, and ${this.name} was asked for as ${digest}; build it with a sha256 digest`,
      { cause },
    )
  }

  #manifestCall(reference: string, method: string, signal: AbortSignal | undefined) {
    if (!isDigest(reference) && !isTag(reference)) {
      throw new OciError('REFERENCE_INVALID', `${quote(reference)} is neither a tag nor a digest`)
    }
    const url = `/v2/${this.name}/manifests/${reference}`
    const what = `the manifest ${reference} of ${this.name}`
    const headers = { accept: ACCEPT, 'accept-encoding': 'identity' }
    return { method, url, what, headers, scopes: this.#scopes(this.#access), signal }
  }

  #blobPath(digest: string): string {
    parseDigest(digest)
    return `/v2/${this.name}/blobs/${digest}`
  }

  #blob(digest: string): string {
    return `the blob ${digest} of ${this.name}`
  }

  #scopes(access: Access): string[] {
    return [`repository:${this.name}:${access}`]
  }
}
