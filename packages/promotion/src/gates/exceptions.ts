import { z } from 'zod'
import type { Finding } from '../evidence/evidence.ts'

export const exceptions = z
  .array(
    z.strictObject({
      id: z.string().regex(/^[\x21-\x7e]{1,64}$/),
      package: z.string().min(1).max(256).optional(),
      owner: z.string().regex(/^(?:user|group):[\x21-\x7e]{1,64}$/, 'must be user:NAME or group:NAME'),
      until: z.iso.date('must be a day, as 2026-12-31'),
      reason: z.string().min(1).max(1000),
    }),
  )
  .max(500)

/** Somebody answers for a finding, for a while. */
export type Exception = {
  /** The vulnerability. */
  readonly id: string
  /** Only in this package. */
  readonly package?: string
  readonly owner: string
  /** The last day on which it holds, in UTC. */
  readonly until: string
  readonly reason: string
}

/** The exceptions that name this finding, whether they still hold or not. */
export function naming(all: readonly Exception[], { id, package: name }: Finding): readonly Exception[] {
  return all.filter(
    (each) =>
      each.id.toLowerCase() === id.toLowerCase() && (each.package === undefined || each.package === name),
  )
}

/** Until the end of its last day. */
export function holds({ until }: Exception, now: Date): boolean {
  return now.getTime() < Date.parse(`${until}T00:00:00Z`) + 86_400_000
}
