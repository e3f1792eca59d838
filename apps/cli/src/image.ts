import { type FeedQualifiedReference, isDigest, OciError, parseFeedQualified } from '@sluice/oci/names'
import { InvalidArgumentError } from 'commander'
import { CliError } from './errors.ts'

/** An image by its full name, `feed/repository[:tag][@digest]`. @throws CliError `usage` */
export function parseImage(text: string): FeedQualifiedReference {
  try {
    return parseFeedQualified(text)
  } catch (cause) {
    if (!(cause instanceof OciError)) throw cause
    throw new CliError('usage', cause.message, { cause })
  }
}

/** The value of --digest. */
export function parseDigestOption(text: string): string {
  if (!isDigest(text)) throw new InvalidArgumentError('expected sha256: and 64 lower-case hex digits, whole')
  return text
}
