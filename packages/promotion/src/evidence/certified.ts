import { X509Certificate } from 'node:crypto'
import { type Bundle, bundleFromJSON } from '@sigstore/bundle'
import { toSignedEntity, VerificationError, type Verifier } from '@sigstore/verify'
import { invalid } from '../errors.ts'
import { text } from './fields.ts'

/** Who a certificate says has signed: an address or a workflow, as this issuer has signed it in. */
export interface Certified {
  readonly subject: string
  readonly issuer: string
}

/** RFC 5280, 4.2.1.12: a certificate for anything else signs no software. */
const CODE_SIGNING = '1.3.6.1.5.5.7.3.3'

/**
 * Who signed a Sigstore bundle, by the certificate in it: of a chain to the root, valid at a time that the root's log
 * or timestamp authority proves, and with every entry that the root asks for. Null: it carries no certificate.
 * @param artifact the manifest, where the signature is of a message and not of an envelope
 * @throws PromotionError invalid: why the certificate is not accepted
 */
export function certifiedBy(
  bytes: Uint8Array,
  artifact: Uint8Array | null,
  root: Verifier,
): Certified | null {
  const bundle = parse(bytes)
  const certificate = certificateOf(bundle)
  if (certificate === null) return null
  const { identity } = verify(bundle, artifact, root)
  const subject = text(identity?.subjectAlternativeName, 1024)
  const issuer = text(identity?.extensions?.issuer, 1024)
  if (subject === null || issuer === null)
    throw refused('its certificate names no subject, or no issuer of it')
  if (!new X509Certificate(certificate).keyUsage.includes(CODE_SIGNING)) {
    throw refused('its certificate is not one for signing software')
  }
  return { subject, issuer }
}

function parse(bytes: Uint8Array): Bundle {
  try {
    return bundleFromJSON(JSON.parse(new TextDecoder().decode(bytes)))
  } catch (error) {
    throw refused(`it is no whole bundle (${reasonOf(error)})`)
  }
}

function certificateOf({ verificationMaterial: { content } }: Bundle): Uint8Array | null {
  if (content.$case === 'certificate') return content.certificate.rawBytes
  if (content.$case === 'publicKey') return null
  return content.x509CertificateChain.certificates[0]?.rawBytes ?? null
}

const REASONS: readonly (readonly [RegExp, string])[] = [
  [/^TIMESTAMP/, 'nothing that the root knows proves when it was signed'],
  [/^CERTIFICATE/, 'its certificate is not of this root, or was not valid when it was signed'],
  [/^TLOG/, 'its entry in the log is missing, not of a log of this root, or of something else'],
  [/^SIGNATURE/, 'its signature is not by the key of its certificate'],
]

function verify(bundle: Bundle, artifact: Uint8Array | null, root: Verifier) {
  try {
    return root.verify(toSignedEntity(bundle, artifact === null ? undefined : Buffer.from(artifact)))
  } catch (error) {
    const code = error instanceof VerificationError ? error.code : ''
    const [, why = 'it cannot be verified'] = REASONS.find(([pattern]) => pattern.test(code)) ?? []
    throw refused(`${why} (${reasonOf(error)})`)
  }
}

function reasonOf(error: unknown): string {
  return text(error instanceof Error ? error.message : '', 200) ?? 'no reason is given'
}

function refused(message: string) {
  return invalid({ field: 'verificationMaterial', rule: 'certificate', message })
}
