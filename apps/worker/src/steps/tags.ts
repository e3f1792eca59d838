import { setTimeout as sleep } from 'node:timers/promises'
import { DEFAULT_LIMITS, parseManifest, RegistryError, type Repository } from '@sluice/oci'
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
 * Intent → PUT of each tag (docs/adr/0009-commit-elsewhere.md). Whoever holds a lease of one of the tags is waited for,
 * and the registry is read again after that. A tag that is there already is not sent.
 * @throws StoreError target_moved, tag_alerted …; RegistryError; WorkerError destination_lost
 */
export async function setTags(context: StepContext): Promise<void> {
  const { run } = context
  const targets = await openTargets(context)
  const { observed, notAfter } = await takeLeases(targets, context)
  const patience = AbortSignal.timeout(Math.max(0, notAfter - Date.now()) + context.tagTimes.timeoutMs)
  const signal = AbortSignal.any([context.signal, patience])
  for (const { item, repository } of targets) {
    const manifest = await readRoot(item, context)
    for (const tag of item.tags) {
      const now = observed.find((one) => one.position === item.position && one.tag === tag)
      if (now?.digest === item.digest) continue
      try {
        await repository.putTag(manifest, tag, notAfter, signal)
      } catch (error) {
        if (patience.aborted && !context.signal.aborted) throw tooLate(item, tag, error)
        if (!(error instanceof RegistryError) || error.code !== 'manifest_incomplete') throw error
        await context.runs.startOver(run)
        throw new WorkerError(
          'destination_lost',
          `the feed ${item.target.feed} lost a part of the image before the tag ${tag} was set: ${error.message}`,
          { cause: error },
        )
      }
    }
  }
}

interface Target {
  readonly item: RunItem
  readonly repository: Repository
}

async function openTargets({ run, registries }: StepContext): Promise<Target[]> {
  const targets: Target[] = []
  for (const item of run.items) {
    targets.push({ item, repository: (await registries.open(item.target, 'pull,push')).repository })
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
        const digest = (await repository.resolve(tag, signal))?.digest ?? null
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

function tooLate({ target }: RunItem, tag: string, cause: unknown): RegistryError {
  const text = `the registry of the feed ${target.feed} did not answer in time whether ${target.repository}:${tag} is set`
  return new RegistryError('timeout', text, { cause })
}
