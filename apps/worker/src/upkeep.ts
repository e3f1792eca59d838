import type { BlobStorage } from '@sluice/feed'
import type { Store } from '@sluice/store'
import type { Logger } from 'pino'
import { type Periodic, startPeriodic } from './periodic.ts'

const HOUR_MS = 60 * 60 * 1000
const WEEK_MS = 7 * 24 * HOUR_MS

/** Of the scrubber, in all workers together: it must not compete with pulls. */
const SCRUB_BYTES_PER_SECOND = 20 * 1024 * 1024

/** The collector and the scrubber, every hour; among several workers one does it (docs/storage.md). */
export function startUpkeep(collector: Store['collector'], storage: BlobStorage, log: Logger): Periodic {
  const stopping = new AbortController()
  const { signal } = stopping
  const collecting = startPeriodic('collect', HOUR_MS, () => collect(collector, storage, signal, log), log)
  const scrubbing = startPeriodic('scrub', HOUR_MS, () => scrub(collector, storage, signal, log), log)
  return {
    poke() {
      collecting.poke()
      scrubbing.poke()
    },
    async stop() {
      stopping.abort()
      await Promise.all([collecting.stop(), scrubbing.stop()])
    },
  }
}

async function collect(
  collector: Store['collector'],
  storage: BlobStorage,
  signal: AbortSignal,
  log: Logger,
): Promise<void> {
  const collected = await collector.collect(storage, { signal })
  if (collected === null) return
  const { foreign, ...counts } = collected
  if (foreign) {
    log.error(
      'the storage is not the one of this database: give api and worker the same data folder or bucket',
    )
  }
  if (Object.values(counts).some((count) => count > 0)) log.info(counts, 'garbage collected')
}

async function scrub(
  collector: Store['collector'],
  storage: BlobStorage,
  signal: AbortSignal,
  log: Logger,
): Promise<void> {
  const scrubbed = await collector.scrub(storage, {
    bytesPerSecond: SCRUB_BYTES_PER_SECOND,
    restMs: WEEK_MS,
    signal,
    onDamage: (damaged) => log.error(damaged, 'blob is damaged in the storage; push it again'),
  })
  if (scrubbed !== null && scrubbed.blobs > 0) log.info(scrubbed, 'blobs scrubbed')
}
