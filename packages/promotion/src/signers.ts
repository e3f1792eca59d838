import { parsePublicKey, ProofError } from '@sluice/proof'
import { z } from 'zod'
import { PromotionError } from './errors.ts'
import { readTrustedRoot } from './evidence/trusted-root.ts'

const LIMIT = 20
const ROOTS_LIMIT = 5
/** Characters; Sigstore's own has about 8,000. */
const ROOT_LIMIT = 65_536

const name = z.string().regex(/^[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?$/, 'must be 1 to 64 of a-z 0-9 . _ -')

/** Text that some reader takes without an error of its own. */
function readable(read: (value: string) => unknown, error: typeof ProofError | typeof PromotionError) {
  return z.string().superRefine((value, context) => {
    try {
      read(value)
    } catch (thrown) {
      if (!(thrown instanceof error)) throw thrown
      context.addIssue({ code: 'custom', message: thrown.message })
    }
  })
}

function few<T extends z.ZodType>(what: string, of: T, limit: number) {
  return z.record(name, of).refine((named) => Object.keys(named).length <= limit, `at most ${limit} ${what}`)
}

/** Public keys, as PEM. */
export const keys = few('keys', readable(parsePublicKey, ProofError), LIMIT)

/** Trusted roots of Sigstore, as JSON. */
export const roots = few(
  'roots',
  readable(readTrustedRoot, PromotionError).pipe(z.string().max(ROOT_LIMIT)),
  ROOTS_LIMIT,
)

export const identities = few(
  'identities',
  z.strictObject({
    root: name,
    issuer: z.string().regex(/^[\x21-\x7e]{1,256}$/, 'must be the issuer as its certificates name it'),
    subject: z
      .string()
      .regex(/^[\x21-\x7e]{1,512}$/, 'must be an address or a URI; * is any run of characters'),
  }),
  LIMIT,
)

/** Somebody whom certificates name. */
export type Identity = {
  /** The root that the certificate must be of. */
  readonly root: string
  /** Who signed them in: an OIDC issuer, to the letter. */
  readonly issuer: string
  /** An address, or the URI of a workflow; `*` stands for any run of characters. */
  readonly subject: string
}
