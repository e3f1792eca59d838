import { z } from 'zod'
import { digest, time } from './grammar.ts'

const count = z.int()

/** What the blobs of all feeds take together, and how the storage is kept. Sizes are bytes. */
export const storageOverview = z.object({
  /** Distinct blobs: what several feeds hold is counted once. */
  blobs: z.object({ count, bytes: z.number() }),
  manifests: z.object({ count, bytes: z.number() }),
  /** Begun and not ended. */
  uploads: z.object({ count, bytes: z.number() }),
  /** Objects that nothing refers to any more, and that the next collection removes. */
  awaitingRemoval: count,
  /** The last collection that came to its end; null before the first. */
  collection: z
    .object({
      at: time,
      /** Manifests that retention rules let go of. */
      retired: count,
      manifests: count,
      blobs: count,
      objects: count,
      /** The storage was another database's, or not there: nothing was removed from it. */
      foreign: z.boolean(),
    })
    .nullable(),
  /** The last round of the scrubber; null before the first. */
  scrub: z.object({ at: time, blobs: count, bytes: z.number(), damaged: count }).nullable(),
  /** Every blob was hashed since then, when it was stored or by the scrubber; null without blobs. */
  hashedSince: time.nullable(),
  /** Quarantined: pushed again, they heal. The first hundred, the oldest first. */
  damaged: z.object({
    count,
    items: z.array(
      z.object({
        digest,
        size: z.number(),
        since: time,
        /** Some of the repositories that hold it, as `feed/repository`. */
        repositories: z.array(z.string()),
      }),
    ),
  }),
})
export type StorageOverview = z.infer<typeof storageOverview>
