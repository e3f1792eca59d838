import { setMaxListeners } from 'node:events'
import type { ClosureNode } from '../graph.ts'
import { type Manifest, successors } from '../manifest.ts'
import { RegistryError } from '../client/errors.ts'
import { Repository } from '../client/repository.ts'
import type { Bandwidth } from './bandwidth.ts'
import type { Blob, BlobJob, CopyDestination, CopySource, Placed, ReferrerSource } from './ends.ts'
import { intoRegistry } from './into-registry.ts'
import { type CopyJournal, memoryJournal } from './journal.ts'
import { cancelled, type CopyProgress, ProgressMeter } from './progress.ts'
import { findReferrers, type FoundReferrer } from './referrers.ts'
import { forEach, Slots } from './slots.ts'
import { readTree, type Tree, type TreeManifest } from './tree.ts'

interface CopyCommon {
  /** A repository is opened for `pull,push`. */
  readonly destination: Repository | CopyDestination
  /** Pinned: no tag is read, and none of the image's is written. */
  readonly root: { readonly digest: string; readonly mediaType: string }
  /** The closure that was approved; the copy fails when it finds another. */
  readonly closure?: readonly ClosureNode[]
  /** Blobs, and requests about manifests, at a time. */
  readonly concurrency?: number
  readonly onProgress?: (progress: CopyProgress) => void
  readonly journal?: CopyJournal
  /** Whether a blob is sent without asking if it is there: the destination said so before, and did not serve it. */
  readonly resend?: (digest: string) => boolean
  readonly bandwidth?: Bandwidth
  readonly signal?: AbortSignal
}

export type CopyOptions = CopyCommon &
  (
    | { readonly source: CopySource; readonly referrers?: undefined }
    /** Whether what speaks about the image and its parts comes along, and which of it. None when not given. */
    | {
        readonly source: ReferrerSource
        readonly referrers: (found: FoundReferrer) => boolean | Promise<boolean>
      }
  )

export interface CopyResult {
  readonly root: string
  /** The root's bytes as pushed, for whoever sets the tag. */
  readonly manifest: Manifest
  readonly manifests: number
  readonly blobs: {
    readonly sent: number
    readonly mounted: number
    readonly present: number
    readonly foreign: number
  }
  /** Sent over the network, and saved by what was there. */
  readonly bytes: { readonly sent: number; readonly saved: number }
  /** Attempts to continue after something broke. */
  readonly resumed: number
  readonly referrers: readonly FoundReferrer[]
}

// Small blobs wait for round trips and for the other side's disk, so it takes many to fill a line.
const CONCURRENCY = 16
/** A signature of an attestation of an image is two; nobody needs eight. */
const REFERRER_DEPTH = 8

/**
 * Copies everything under a digest: children first, the root last, bytes verbatim. It may be repeated
 * at will; what is there is not sent again. That it is there is a hint: when the destination refuses a
 * manifest for a missing child, its children are pushed again, once, without asking. Run `verifyGraph`
 * afterwards and tag after that.
 * @throws RegistryError, or OciError for a malformed image
 */
export async function copyGraph(options: CopyOptions): Promise<CopyResult> {
  if (options.signal !== undefined) setMaxListeners(0, options.signal)
  const copy = new Copy(options)
  try {
    return await copy.run()
  } catch (error) {
    if (options.signal?.aborted === true) throw cancelled(options.root.digest, options.signal)
    throw error
  }
}

class Copy {
  readonly #options: CopyOptions
  readonly #destination: CopyDestination
  readonly #slots: Slots
  readonly #journal: CopyJournal
  readonly #meter: ProgressMeter
  readonly #seen = new Set<string>()
  #manifests = 0
  readonly #blobs = { sent: 0, mounted: 0, present: 0, foreign: 0 }
  readonly #bytes = { sent: 0, saved: 0 }
  #resumed = 0

  constructor(options: CopyOptions) {
    this.#options = options
    const { destination } = options
    this.#destination = destination instanceof Repository ? intoRegistry(destination) : destination
    this.#slots = new Slots(options.concurrency ?? CONCURRENCY)
    this.#journal = options.journal ?? memoryJournal()
    this.#meter = new ProgressMeter(options.onProgress)
  }

  async run(): Promise<CopyResult> {
    const { root, closure, source, signal } = this.#options
    const tree = await readTree(source, root, { closure, signal })
    await this.#pushTree(tree)
    const referrers = await this.#copyReferrers(tree)
    this.#meter.flush()
    const counted = { manifests: this.#manifests, blobs: this.#blobs, bytes: this.#bytes }
    const manifest = tree.levels.at(-1)?.[0]?.manifest
    if (manifest === undefined) throw new Error('a closure ends with its root')
    return { root: root.digest, manifest, ...counted, resumed: this.#resumed, referrers }
  }

  async #pushTree({ blobs, foreign, levels }: Tree): Promise<void> {
    const fresh = blobs.filter(({ digest }) => !this.#seen.has(digest))
    for (const { digest } of fresh) this.#seen.add(digest)
    this.#meter.expect(fresh)
    this.#blobs.foreign += foreign.length
    // The large ones first, so that no single one is left for the end.
    const bySize = fresh.toSorted((a, b) => b.size - a.size)
    await forEach(bySize, this.#slots, this.#options.signal, (blob, stop) => this.#placeBlob(blob, stop))
    for (const level of levels) {
      await forEach(level, this.#slots, this.#options.signal, (one, stop) => this.#pushManifest(one, stop))
    }
  }

  async #pushManifest({ digest, manifest }: TreeManifest, signal: AbortSignal): Promise<void> {
    try {
      await this.#destination.putManifest(manifest, digest, signal)
    } catch (error) {
      if (!(error instanceof RegistryError) || error.code !== 'manifest_incomplete') throw error
      await this.#pushChildrenAgain(manifest, signal)
      await this.#destination.putManifest(manifest, digest, signal)
    }
    this.#manifests++
  }

  /** The destination said of a child that it is there, and refuses its parent because it is not. */
  async #pushChildrenAgain(manifest: Manifest, signal: AbortSignal): Promise<void> {
    const { source } = this.#options
    for (const { kind, descriptor, distributable } of successors(manifest)) {
      if (kind === 'subject' || !distributable) continue
      const { digest } = descriptor
      if (kind === 'manifest') {
        const child = await source.getManifest(digest, signal)
        if (child !== null) await this.#destination.putManifest(child, digest, signal)
        continue
      }
      await this.#journal.lost(digest)
      this.#count(descriptor, await this.#destination.placeAgain(this.#job(descriptor, signal)))
    }
  }

  async #placeBlob(blob: ClosureNode, signal: AbortSignal): Promise<void> {
    if (this.#journal.has(blob.digest)) return this.#count(blob, { way: 'present', resumed: 0 })
    const job = this.#job(blob, signal)
    const placed = await (this.#options.resend?.(blob.digest) === true
      ? this.#destination.placeAgain(job)
      : this.#destination.place(job))
    await this.#journal.done(blob)
    this.#count(blob, placed)
  }

  #job({ digest, size }: Blob, signal: AbortSignal): BlobJob {
    const { source, bandwidth } = this.#options
    const onBytes = (reached: number): void => this.#meter.reach(digest, reached)
    return { source, blob: { digest, size }, bandwidth, onBytes, signal }
  }

  #count(blob: Blob, { way, resumed }: Placed): void {
    this.#blobs[way]++
    this.#bytes[way === 'sent' ? 'sent' : 'saved'] += blob.size
    this.#resumed += resumed
    this.#meter.finish(blob)
  }

  /** Signatures, SBOMs and attestations of every manifest, and what speaks about those. */
  async #copyReferrers(tree: Tree): Promise<FoundReferrer[]> {
    if (this.#options.referrers === undefined) return []
    const { source, referrers: wanted, signal } = this.#options
    const copied: FoundReferrer[] = []
    const done = new Set<string>()
    let subjects = tree.levels.flat().map(({ digest }) => digest)
    for (let depth = 0; subjects.length > 0 && depth < REFERRER_DEPTH; depth++) {
      const found = await findReferrers(source, subjects, this.#slots, signal)
      subjects = []
      for (const one of found) {
        const key = `${one.tag ?? ''} ${one.digest}`
        if (done.has(key) || !(await wanted(one))) continue
        done.add(key)
        const own = await readTree(source, one, { signal })
        await this.#pushTree(own)
        const manifest = own.levels.at(-1)?.[0]?.manifest
        if (one.tag !== null && manifest !== undefined)
          await this.#destination.putManifest(manifest, one.tag, signal)
        subjects.push(...own.levels.flat().map(({ digest }) => digest))
        copied.push(one)
      }
    }
    return copied
  }
}
