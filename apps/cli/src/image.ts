import { type FeedQualifiedReference, OciError, parseFeedQualified } from '@sluice/oci/names'
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
