import { X509Certificate } from 'node:crypto'
import { type CertificateAuthority, TrustedRoot } from '@sigstore/protobuf-specs'
import { toTrustMaterial, Verifier } from '@sigstore/verify'
import { invalid } from '../errors.ts'

/**
 * Reads whom certificates are believed from, and what proves when something was signed: a trusted root of Sigstore
 * (protobuf-specs, sigstore_trustroot.proto), as `cosign trusted-root create` writes it. A log, a log of certificates
 * that it names must have an entry; without a log, a timestamp authority proves the time.
 * @throws PromotionError invalid
 */
export function readTrustedRoot(json: string): Verifier {
  const root = parse(json)
  const { certificateAuthorities, timestampAuthorities, tlogs, ctlogs } = root
  if (certificateAuthorities.length === 0) throw refused('names no certificate authority')
  if (tlogs.length === 0 && timestampAuthorities.length === 0) {
    throw refused('names no log and no timestamp authority: nothing could prove when something was signed')
  }
  for (const authority of [...certificateAuthorities, ...timestampAuthorities]) requireRoot(authority)
  return new Verifier(materialOf(root), {
    tlogThreshold: Math.min(tlogs.length, 1),
    ctlogThreshold: Math.min(ctlogs.length, 1),
    timestampThreshold: 1,
  })
}

function parse(json: string): TrustedRoot {
  try {
    return TrustedRoot.fromJSON(JSON.parse(json))
  } catch {
    throw refused('is no JSON, or none of a trusted root')
  }
}

function materialOf(root: TrustedRoot) {
  try {
    return toTrustMaterial(root)
  } catch (error) {
    throw refused(
      `has a key or certificate that cannot be read (${error instanceof Error ? error.message : ''})`,
    )
  }
}

/** A chain is built up to a certificate that signed itself, and nowhere else. */
function requireRoot({ certChain }: CertificateAuthority): void {
  const last = certChain?.certificates.at(-1)
  let whole = false
  try {
    const certificate = last && new X509Certificate(last.rawBytes)
    whole = certificate?.checkIssued(certificate) === true && certificate.verify(certificate.publicKey)
  } catch {
    // Said below.
  }
  if (!whole) throw refused('has a chain that does not end with a root, which signed itself')
}

function refused(reason: string) {
  return invalid({ field: '', rule: 'trusted_root', message: `the trusted root ${reason}` })
}
