import { isDigest, isFeedName, isRepositoryName, isTag } from '@sluice/oci/names'
import { z } from 'zod'

/** A check that names its rule, which the problem document repeats as `errors[].rule`. */
const text = (rule: string, limit: number, check: (value: string) => boolean, message: string) =>
  z.string().max(limit).refine(check, { message, params: { rule } })

export const feedName = text(
  'feed_name',
  63,
  isFeedName,
  'a feed name is 1 to 63 of a-z 0-9, joined inside by _ or -; no dot, and not "localhost"',
)

export const repositoryName = text(
  'repository_name',
  255,
  isRepositoryName,
  'a repository name is parts of a-z 0-9, joined inside by ".", "_", "__" or "-", separated by "/"',
)

export const tagName = text(
  'tag',
  128,
  isTag,
  'a tag is 1 to 128 of A-Z a-z 0-9 _ . - and does not start with . or -',
)

export const digest = text(
  'digest',
  512,
  isDigest,
  'a digest is sha256: and 64, or sha512: and 128 lower-case hex digits',
)

export const id = z.guid()

/** ISO 8601 with a zone, in UTC of the years 1 to 9999; answers are in UTC with milliseconds. */
export const time = z.iso.datetime({ offset: true }).refine((value) => /^(?!0000)\d{4}-/.test(inUtc(value)), {
  message: 'a time lies in the years 1 to 9999',
  params: { rule: 'time' },
})

function inUtc(value: string): string {
  const at = new Date(value)
  return Number.isNaN(at.getTime()) ? '' : at.toISOString()
}

/** Names of people, groups, robots and lanes: they appear in paths and in `user:x`. */
export const name = z
  .string()
  .max(64)
  .regex(/^[a-z0-9](?:[a-z0-9._@-]*[a-z0-9])?$/, {
    message: 'a name is 1 to 64 of a-z 0-9 . _ @ -, with a letter or digit at both ends',
  })

/** A person or a robot as lists name them: `anna`, `robot:ci`. */
export const principalName = z
  .string()
  .max(71)
  .regex(/^(?:user:|robot:)?[a-z0-9](?:[a-z0-9._@-]*[a-z0-9])?$/, {
    message: 'a person is named as anna, a robot as robot:ci',
  })

/** One line or more of free text, kept as given. */
export const freeText = z.string().max(4000)

/**
 * Where clients get the images of a feed: `HOST[:PORT]/FEED` at the address that this answer was asked at, and of a
 * remote feed `HOST[:PORT][/PREFIX]` of its registry.
 */
export const imagesAddress = z.string()

/** What is asked for with `?limit=` and `?after=`; `next` of one page is `after` of the following. */
export const page = {
  limit: z.coerce.number<number>().int().min(1).max(200).default(50),
  after: z.string().min(1).max(1024).optional(),
}

/** Every list: its items, and an opaque cursor, null on the last page. */
export const listOf = <T extends z.ZodType>(item: T) =>
  z.object({ items: z.array(item), next: z.string().nullable() })
