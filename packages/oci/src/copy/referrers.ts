import type { Descriptor } from '../descriptor.ts'
import { RegistryError } from '../client/errors.ts'
import { referrersTag } from '../client/referrers.ts'
import type { ReferrerSource } from './ends.ts'
import { forEach, type Slots } from './slots.ts'

/** Something that speaks about a digest: by its `subject`, or by cosign's way of naming a tag. */
export interface FoundReferrer {
  readonly subject: string
  readonly digest: string
  readonly mediaType: string
  readonly artifactType: string | undefined
  readonly annotations: Readonly<Record<string, string>>
  /** `sha256-….sig` and the like, to be set at the destination too; null for a referrer by subject. */
  readonly tag: string | null
}

/** Signatures, attestations and SBOMs as cosign names them. */
const TAG_SUFFIXES = ['.sig', '.att', '.sbom'] as const
const FOUND_LIMIT = 5000

/** Everything that speaks about these digests, directly. */
export async function findReferrers(
  repository: ReferrerSource,
  subjects: readonly string[],
  slots: Slots,
  signal: AbortSignal | undefined,
): Promise<FoundReferrer[]> {
  const found: FoundReferrer[] = []
  await forEach(subjects, slots, signal, async (subject, stop) => {
    const [listed, ...tagged] = await Promise.all([
      repository.referrers(subject, stop),
      ...TAG_SUFFIXES.map((suffix) => byTag(repository, subject, `${referrersTag(subject)}${suffix}`, stop)),
    ])
    found.push(...listed.map((descriptor) => bySubject(subject, descriptor)))
    for (const one of tagged) if (one !== null) found.push(one)
    if (found.length > FOUND_LIMIT) {
      throw new RegistryError(
        'too_large',
        `${repository.name}: more than ${FOUND_LIMIT} referrers were found`,
      )
    }
  })
  return found
}

function bySubject(subject: string, descriptor: Descriptor): FoundReferrer {
  const { digest, mediaType, artifactType, annotations = {} } = descriptor
  return { subject, digest, mediaType, artifactType, annotations, tag: null }
}

async function byTag(
  repository: ReferrerSource,
  subject: string,
  tag: string,
  signal: AbortSignal,
): Promise<FoundReferrer | null> {
  const resolved = await repository.resolve(tag, signal)
  if (resolved === null) return null
  const { digest, mediaType } = resolved
  return { subject, digest, mediaType, artifactType: undefined, annotations: {}, tag }
}
