import { setTimeout as sleep } from 'node:timers/promises'
import {
  DEFAULT_LIMITS,
  type Manifest,
  parseDigest,
  parseManifest,
  RegistryError,
  type Repository,
} from '@sluice/oci'
import { type ObservedTag, type RunItem, StoreError } from '@sluice/store'
import { WorkerError } from '../errors.ts'
import { refuse } from './approved.ts'
import type { StepContext } from './step.ts'

/** Of the lease of a tag elsewhere, in milliseconds. */
export interface TagTimes {
  /** After an intent its tags are sent in this time, or not at all. */
  readonly leaseMs: number
  /** And in this time after that what was sent may still arrive: nobody waits longer for an answer. */
  readonly timeoutMs: number
}

export const TAG_TIMES: TagTimes = { leaseMs: 20_000, timeoutMs: DEFAULT_LIMITS.headMs }

const LOOK_AGAIN_MS = 1_000

/**
 * Intent → PUT of each tag → read back (docs/adr/0009-commit-elsewhere.md). Whoever holds a lease of one of the tags is
 * waited for, and the registry is read again after that. A tag that is there already is not sent; that a registry says
 * it is set is not believed. Tags for a sha512 digest, which not every registry can set, go first: then none has moved
 * where one cannot be set.
 * @throws StoreError target_moved, tag_alerted …; RegistryError; WorkerError destination_lost, tag_not_set, unsupported,
 *   feed_changed
 */
export async function setTags(context: StepContext): Promise<void> {
  const targets = await openTargets(context)
  const { observed, notAfter } = await takeLeases(targets, context)
  const patience = AbortSignal.timeout(Math.max(0, notAfter - Date.now()) + context.tagTimes.timeoutMs)
  const signal = AbortSignal.any([context.signal, patience])
  const isThere = (item: RunItem, tag: string): boolean =>
    observed.some((one) => one.position === item.position && one.tag === tag && one.digest === item.digest)
  const nameOf = ({ target }: RunItem, tag: string): string => `${target.repository}:${tag}`
  const set = targets.flatMap(({ item }) =>
    item.tags.filter((tag) => isThere(item, tag)).map((tag) => nameOf(item, tag)),
  )
  const send = async ({ item, repository }: Target, manifest: Manifest, tag: string): Promise<void> => {
    try {
      await repository.putTag(manifest, { tag, digest: item.digest }, notAfter, signal)
    } catch (error) {
      if (patience.aborted && !context.signal.aborted) throw tooLate(item, tag, error)
      if (!(error instanceof RegistryError)) throw error
      if (isWide(item) && error.code === 'unsupported') throw unnameable(item, set, error)
      if (error.code !== 'manifest_incomplete') throw error
      await context.runs.startOver(context.run)
      throw new WorkerError(
        'destination_lost',
        `the feed ${item.target.feed} lost a part of the image before the tag ${tag} was set: ${error.message}`,
        { cause: error },
      )
    }
  }
  const wideFirst = targets.toSorted((a, b) => Number(isWide(b.item)) - Number(isWide(a.item)))
  for (const target of wideFirst) {
    const { item } = target
    const manifest = await readRoot(item, context)
    for (const tag of item.tags.filter((one) => !isThere(item, one))) {
      await send(target, manifest, tag)
      set.push(nameOf(item, tag))
    }
  }
  for (const target of targets) {
    for (const tag of target.item.tags) await requireSet(target, tag, context.signal)
  }
}

/** By the bytes that are served, whatever a header calls them. @throws WorkerError tag_not_set */
async function requireSet({ item, repository }: Target, tag: string, signal: AbortSignal): Promise<void> {
  const { feed, repository: name } = item.target
  const digest = await repository.hashServed(tag, parseDigest(item.digest).algorithm, signal)
  if (digest === item.digest) return
  const found = digest === null ? 'nothing is there' : `${digest} is there`
  throw new WorkerError(
    'tag_not_set',
    `the registry of the feed ${feed} said that ${name}:${tag} is set, and ${found}`,
  )
}

interface Target {
  readonly item: RunItem
  readonly repository: Repository
}

/** @throws WorkerError feed_changed: nobody has looked at what is in another registry */
async function openTargets({ run, registries, verified }: StepContext): Promise<Target[]> {
  const targets: Target[] = []
  for (const item of run.items) {
    const { feedId, feed } = item.target
    const { repository } = await registries.open(item.target, 'pull,push')
    if (verified.get(feedId) !== repository.registry) {
      throw new WorkerError(
        'feed_changed',
        `the settings of the feed ${feed} were changed during the promotion`,
      )
    }
    targets.push({ item, repository })
  }
  return targets
}

async function takeLeases(
  targets: readonly Target[],
  { runs, run, tagTimes, signal }: StepContext,
): Promise<{ observed: readonly ObservedTag[]; notAfter: number }> {
  for (;;) {
    const observed: ObservedTag[] = []
    for (const { item, repository } of targets) {
      for (const tag of item.tags) {
        // What an earlier attempt has set, a registry may call by another algorithm.
        const ours = run.intended ? item.digest : undefined
        const digest = (await repository.resolve(tag, signal, ours))?.digest ?? null
        observed.push({ position: item.position, tag, digest })
      }
    }
    // Taken before the lease begins, so that it ends here no later than there.
    const notAfter = Date.now() + tagTimes.leaseMs
    try {
      await runs.intend(run, { observed, ...tagTimes })
      return { observed, notAfter }
    } catch (error) {
      if (!(error instanceof StoreError) || error.code !== 'tag_held') throw error
      await sleep(LOOK_AGAIN_MS, undefined, { signal })
    }
  }
}

async function readRoot(item: RunItem, { runs }: StepContext) {
  const bytes = await runs.readManifest(item.digest)
  if (bytes === null) throw refuse(item, 'its manifest is no longer stored')
  return parseManifest(bytes, item.mediaType)
}

/** A registry reads sha256 into a tag of its own accord; other digests it has to be told. */
function isWide({ digest }: RunItem): boolean {
  return parseDigest(digest).algorithm !== 'sha256'
}

/** @param set the tags of this promotion that are where they should be */
function unnameable({ digest, target }: RunItem, set: readonly string[], cause: RegistryError): WorkerError {
  const { algorithm } = parseDigest(digest)
  const others =
    set.length === 0 ? 'No tag of this promotion was set' : `Set before that, and left so: ${set.join(', ')}`
  return new WorkerError(
    'unsupported',
    `the registry of the feed ${target.feed} lets no tag name an image whose digest is ${algorithm}: ${cause.message}. ${others}. Build the image with a sha256 digest and request that one, or promote to a registry that takes a tag beside a digest (PUT …/manifests/DIGEST?tag=TAG)`,
    { cause },
  )
}

function tooLate({ target }: RunItem, tag: string, cause: unknown): RegistryError {
  const text = `the registry of the feed ${target.feed} did not answer in time whether ${target.repository}:${tag} is set`
  return new RegistryError('timeout', text, { cause })
}
