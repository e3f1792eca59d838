import { createHash } from 'node:crypto'
import { isDigest, nestsDeeper } from '@sluice/oci'
import { fromBase64, openEnvelope, preAuthEncoding, ProofError } from '@sluice/proof'
import type { EvidenceFormat, ReadEvidence, Signed } from './evidence.ts'
import { type Fields, digestsIn, record, text, unreadable } from './fields.ts'
import { readJUnit } from './junit.ts'
import { readOpenVex } from './openvex.ts'
import { readSarif } from './sarif.ts'
import { readCycloneDx, readSpdx } from './sboms.ts'
import { readGrype, readTrivy } from './scans.ts'
import { readStatement } from './statement.ts'

/** Bytes of one piece of evidence. */
export const EVIDENCE_LIMIT = 16 * 1024 * 1024

const IN_TOTO = 'application/vnd.in-toto+json'
/** Characters of XML, which is read one by one. */
const XML_LIMIT = 4 * 1024 * 1024
/** Levels of JSON. */
const DEPTH_LIMIT = 128
/** The payload type under which a legacy cosign signature is kept: the signature covers the payload alone. */
export const SIMPLE_SIGNING = 'application/vnd.dev.cosign.simplesigning.v1+json'

/**
 * Reads evidence of any format we know from its raw bytes; which one it is, it says itself. Signatures are
 * handed on, not verified.
 * @throws PromotionError invalid, with the field `content`
 */
export function readEvidence(bytes: Uint8Array): ReadEvidence {
  if (bytes.length > EVIDENCE_LIMIT) {
    throw unreadable(`it has ${bytes.length} bytes; at most ${EVIDENCE_LIMIT} are taken`)
  }
  const written = decode(bytes)
  if (written.trimStart().startsWith('<')) {
    if (written.length > XML_LIMIT) {
      throw unreadable(`as XML it has more than ${XML_LIMIT} characters; leave out what the tests wrote`)
    }
    const summary = readJUnit(written)
    return { ...unwrapped('junit', bytes), type: 'test', subjects: null, claimedAt: null, summary }
  }
  const document = record(parse(bytes, written))
  const format = formatOf(document)
  if (format === null) {
    throw unreadable(
      'its format is none that is known: DSSE, Sigstore bundle, in-toto, Trivy, Grype, SARIF, CycloneDX, SPDX 2, OpenVEX, JUnit XML',
    )
  }
  return READERS[format](document, bytes)
}

function formatOf(document: Fields): Exclude<EvidenceFormat, 'junit'> | null {
  const { mediaType, payloadType, _type, version, runs } = document
  if (typeof mediaType === 'string' && /^application\/vnd\.dev\.sigstore\.bundle[.+]/.test(mediaType))
    return 'bundle'
  if (payloadType === SIMPLE_SIGNING) return 'simplesigning'
  if (payloadType !== undefined) return 'dsse'
  if (_type !== undefined) return 'statement'
  if (document['SchemaVersion'] !== undefined) return 'trivy'
  if (document['bomFormat'] !== undefined) return 'cyclonedx'
  if (document['spdxVersion'] !== undefined) return 'spdx'
  if (String(document['@context']).startsWith('https://openvex.dev/')) return 'openvex'
  if (version !== undefined && runs !== undefined) return 'sarif'
  return document['matches'] === undefined ? null : 'grype'
}

const READERS: Record<
  Exclude<EvidenceFormat, 'junit'>,
  (document: Fields, bytes: Uint8Array) => ReadEvidence
> = {
  dsse: (document) => readDsse(document, 'dsse'),
  bundle: (document) => {
    // protobuf-specs, sigstore_bundle.proto: `dsseEnvelope` or `messageSignature`.
    const { dsseEnvelope, messageSignature } = document
    if (dsseEnvelope !== undefined) return readDsse(record(dsseEnvelope), 'bundle')
    if (messageSignature !== undefined) return readMessageSignature(record(messageSignature))
    throw unreadable('the bundle carries neither a DSSE envelope nor a signature of a message')
  },
  simplesigning: readSimpleSigning,
  statement: (document, bytes) => ({ ...unwrapped('statement', bytes), ...readStatement(document) }),
  trivy: (document, bytes) => ({
    ...unwrapped('trivy', bytes),
    type: 'vulnerabilities',
    ...readTrivy(document),
  }),
  grype: (document, bytes) => ({
    ...unwrapped('grype', bytes),
    type: 'vulnerabilities',
    ...readGrype(document),
  }),
  sarif: (document, bytes) => ({
    ...unwrapped('sarif', bytes),
    type: 'vulnerabilities',
    ...readSarif(document),
  }),
  cyclonedx: (document, bytes) => ({
    ...unwrapped('cyclonedx', bytes),
    type: 'sbom',
    ...readCycloneDx(document),
  }),
  spdx: (document, bytes) => ({ ...unwrapped('spdx', bytes), type: 'sbom', ...readSpdx(document) }),
  openvex: (document, bytes) => {
    const read = readOpenVex(document)
    const images = [...new Set(read.summary.statements.flatMap((statement) => statement.images))]
    // Only where every statement names images is the document itself about them.
    const { statements } = read.summary
    const bound = statements.length > 0 && statements.every((statement) => statement.images.length > 0)
    return { ...unwrapped('openvex', bytes), type: 'vex', ...read, subjects: bound ? images : null }
  },
}

function unwrapped(format: EvidenceFormat, bytes: Uint8Array) {
  return { format, predicateType: null, contentDigest: sha256(bytes), signed: null } as const
}

function readDsse(value: Fields, format: 'dsse' | 'bundle'): ReadEvidence {
  const { payloadType, payload, signatures } = opened(value)
  if (payloadType !== IN_TOTO) throw unreadable(`the payload type of the envelope is not ${IN_TOTO}`)
  const signed: Signed = { message: preAuthEncoding(payloadType, payload), signatures }
  return { format, ...readStatement(parse(payload, decode(payload))), contentDigest: sha256(payload), signed }
}

const MESSAGE_DIGESTS: { readonly [name: string]: string } = { SHA2_256: 'sha256', SHA2_512: 'sha512' }

/** protobuf-specs, sigstore_common.proto, MessageSignature: over the manifest itself, which it names by its digest. */
function readMessageSignature({ messageDigest, signature }: Fields): ReadEvidence {
  const { algorithm, digest } = record(messageDigest)
  const [hash, sig] = [digest, signature].map((each) => (typeof each === 'string' ? fromBase64(each) : null))
  const subject = `${MESSAGE_DIGESTS[text(algorithm) ?? '']}:${Buffer.from(hash ?? []).toString('hex')}`
  if (!isDigest(subject))
    throw unreadable('the message digest of the bundle is neither SHA2_256 nor SHA2_512')
  if (sig == null || sig.length === 0) throw unreadable('the signature of the bundle is no base64')
  return {
    type: 'signature',
    format: 'bundle',
    predicateType: null,
    subjects: [subject],
    contentDigest: sha256(new TextEncoder().encode(subject)),
    claimedAt: null,
    summary: { kind: 'signature' },
    signed: { message: null, signatures: [sig] },
  }
}

/** containers/image, docs/containers-signature.5.md, as cosign before v3 wrote it under `sha256-….sig`. */
function readSimpleSigning(value: Fields): ReadEvidence {
  const { payload, signatures } = opened(value)
  const { type, image } = record(record(parse(payload, decode(payload)))['critical'])
  const subjects = digestsIn(record(image)['docker-manifest-digest'])
  if (type !== 'cosign container image signature' || subjects.length !== 1) {
    throw unreadable('the payload is no signature of an image')
  }
  return {
    type: 'signature',
    format: 'simplesigning',
    predicateType: null,
    subjects,
    contentDigest: sha256(payload),
    claimedAt: null,
    summary: { kind: 'signature' },
    signed: { message: payload, signatures },
  }
}

/** The bytes under which a legacy cosign signature is kept: its payload with what the layer's annotation carries. */
export function wrapSimpleSigning(payload: Uint8Array, signature: string): Uint8Array {
  if (fromBase64(signature) === null) throw unreadable('the signature of the layer is no base64')
  const wrapped = {
    payloadType: SIMPLE_SIGNING,
    payload: Buffer.from(payload).toString('base64'),
    signatures: [{ sig: signature }],
  }
  return new TextEncoder().encode(JSON.stringify(wrapped))
}

function opened(value: Fields) {
  try {
    return openEnvelope(value)
  } catch (error) {
    if (error instanceof ProofError) throw unreadable(error.message)
    throw error
  }
}

function parse(bytes: Uint8Array, json: string): unknown {
  if (nestsDeeper(bytes, DEPTH_LIMIT)) throw unreadable(`it nests deeper than ${DEPTH_LIMIT} levels`)
  try {
    return JSON.parse(json)
  } catch {
    throw unreadable('it is neither JSON nor XML')
  }
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw unreadable('it is not UTF-8')
  }
}

function sha256(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
}
