import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { initializeCA } from '@sigstore/mock/dist/fulcio/index.js'
import { initializeTSA } from '@sigstore/mock/dist/timestamp/index.js'

const pair = () => generateKeyPairSync('ec', { namedCurve: 'P-256' })
const URL = 'https://sigstore.test'
const ISSUER = '1.3.6.1.4.1.57264.1.8'
const LEGACY_ISSUER = '1.3.6.1.4.1.57264.1.1'
const SHA256 = '2.16.840.1.101.3.4.2.1'
const POLICY = '1.3.6.1.4.1.57264.2'
const MINUTE = 60_000

/** Whom a certificate is for. */
export interface Who {
  readonly subject: string
  /** Null: the certificate names none. */
  readonly issuer: string | null
  /** As certificates had it before 2023: the bare text. */
  readonly legacy?: boolean
}

/** What proves when it was signed; by default the log's promise and its proof. */
export interface Proven {
  readonly log?: 'promise' | 'proof' | 'none' | 'of something else'
  readonly stamp?: boolean
  /** Minutes after the certificate began; it holds for ten. */
  readonly after?: number
}

/** A Sigstore of its own: an authority, its log of certificates, a log of signatures and a timestamp authority. */
export async function openSigstore() {
  const [authorityKeys, certificateLogKeys, logKeys, stampKeys] = [pair(), pair(), pair(), pair()]
  // Of whole seconds, as stamps have them.
  const begun = Math.ceil(Date.now() / 1000) * 1000
  const certificateLog = logOfCertificates(certificateLogKeys, new Date(begun))
  const authority = await initializeCA(authorityKeys, certificateLog, new Date(begun))
  const unlogged = await initializeCA(authorityKeys, undefined, new Date(begun))
  const [leaf, stampRoot] = await stampChain(stampKeys)

  /** A certificate for this key, as DER. */
  function issue(
    publicKey: Buffer,
    { subject, issuer, legacy = false }: Who,
    logged = true,
  ): Promise<Buffer> {
    const named = issuer === null ? [] : [{ oid: legacy ? LEGACY_ISSUER : ISSUER, value: issuer, legacy }]
    const from = logged ? authority : unlogged
    return from.issueCertificate({ publicKey, subjectAltName: subject, extensions: named })
  }

  async function certify(who: Who, logged = true): Promise<Certified> {
    const { publicKey, privateKey } = pair()
    return {
      certificate: await issue(publicKey.export({ type: 'spki', format: 'der' }), who, logged),
      privateKey,
    }
  }

  async function stamp(signature: Buffer, at: Date): Promise<object> {
    const tsa = await initializeTSA(stampKeys, at)
    const artifactHash = createHash('sha256').update(signature).digest()
    const request = { artifactHash, hashAlgorithmOID: SHA256, policyOID: POLICY, nonce: 7, certReq: false }
    return { signedTimestamp: (await tsa.timestamp(request)).toString('base64') }
  }

  async function material(
    certificate: Buffer,
    signature: Buffer,
    body: LogBody,
    { log = 'promise', stamp: stamped = false, after = 1 }: Proven,
  ) {
    const at = new Date(begun + after * MINUTE)
    const other = { ...body, spec: { ...body.spec, payloadHash: { algorithm: 'sha256', value: '00' } } }
    const entry = log === 'none' ? null : logEntry(logKeys, log === 'of something else' ? other : body, at)
    const { inclusionPromise, ...proof } = entry ?? {}
    return {
      certificate: { rawBytes: certificate.toString('base64') },
      tlogEntries: entry === null ? [] : [log === 'proof' ? proof : { ...proof, inclusionPromise }],
      timestampVerificationData: stamped ? { rfc3161Timestamps: [await stamp(signature, at)] } : {},
    }
  }

  const mediaType = 'application/vnd.dev.sigstore.bundle.v0.3+json'
  const pem = (der: Buffer): string =>
    `-----BEGIN CERTIFICATE-----\n${der.toString('base64')}\n-----END CERTIFICATE-----\n`

  return {
    certify,
    issue,
    authority: authority.rootCertificate,
    logEntry: (body: LogBody, at: Date) => logEntry(logKeys, body, at),

    /** A bundle around an in-toto statement, as `cosign attest` without a key makes it. */
    async attest(statement: object, who: Who, proven: Proven = {}, certified?: Certified) {
      const payload = Buffer.from(JSON.stringify(statement))
      const payloadType = 'application/vnd.in-toto+json'
      const { certificate, privateKey } = certified ?? (await certify(who))
      const head = `DSSEv1 ${payloadType.length} ${payloadType} ${payload.length} `
      const signature = sign('sha256', Buffer.concat([Buffer.from(head), payload]), privateKey)
      const body = {
        apiVersion: '0.0.1',
        kind: 'dsse',
        spec: {
          payloadHash: { algorithm: 'sha256', value: createHash('sha256').update(payload).digest('hex') },
          signatures: [
            {
              signature: signature.toString('base64'),
              verifier: Buffer.from(pem(certificate)).toString('base64'),
            },
          ],
        },
      }
      return {
        mediaType,
        verificationMaterial: await material(certificate, signature, body, proven),
        dsseEnvelope: {
          payload: payload.toString('base64'),
          payloadType,
          signatures: [{ sig: signature.toString('base64') }],
        },
      }
    },

    /** A bundle with a signature of these bytes. */
    async signMessage(message: Uint8Array, who: Who, proven: Proven = {}) {
      const { certificate, privateKey } = await certify(who)
      const signature = sign('sha256', message, privateKey)
      const digest = createHash('sha256').update(message).digest()
      const body = {
        apiVersion: '0.0.1',
        kind: 'hashedrekord',
        spec: {
          data: { hash: { algorithm: 'sha256', value: digest.toString('hex') } },
          signature: {
            content: signature.toString('base64'),
            publicKey: { content: Buffer.from(pem(certificate)).toString('base64') },
          },
        },
      }
      return {
        mediaType,
        verificationMaterial: await material(certificate, signature, body, proven),
        messageSignature: {
          messageDigest: { algorithm: 'SHA2_256', digest: digest.toString('base64') },
          signature: signature.toString('base64'),
        },
      }
    },

    /** What a lane trusts it by; parts may be left out. */
    trustedRoot({ log = true, certificates = true, stamps = false } = {}) {
      const chain = (...certs: Buffer[]) => ({
        certificates: certs.map((cert) => ({ rawBytes: cert.toString('base64') })),
      })
      const validFor = { start: '2020-01-01T00:00:00Z' }
      return {
        mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
        certificateAuthorities: [{ uri: URL, certChain: chain(authority.rootCertificate), validFor }],
        tlogs: log ? [instance(logKeys.publicKey)] : [],
        ctlogs: certificates ? [instance(certificateLogKeys.publicKey)] : [],
        timestampAuthorities: stamps ? [{ uri: URL, certChain: chain(leaf, stampRoot), validFor }] : [],
      }
    },
  }
}

interface Certified {
  readonly certificate: Buffer
  readonly privateKey: KeyObject
}

interface LogBody {
  readonly kind: string
  readonly apiVersion: string
  readonly spec: object
}

/** An entry of Rekor's first API, the only one of its log: with the promise that is signed, and the proof. */
function logEntry({ publicKey, privateKey }: ReturnType<typeof pair>, body: LogBody, at: Date) {
  const id = createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest()
  const bytes = Buffer.from(JSON.stringify(body))
  const root = createHash('sha256').update(Buffer.of(0)).update(bytes).digest()
  const [logIndex, integratedTime] = [7, Math.floor(at.getTime() / 1000)]
  // Canonical: its keys are in order.
  const promised = { body: bytes.toString('base64'), integratedTime, logID: id.toString('hex'), logIndex }
  const note = `sigstore.test - 1\n1\n${root.toString('base64')}\n`
  const hinted = Buffer.concat([id.subarray(0, 4), sign('sha256', Buffer.from(note), privateKey)])
  return {
    logIndex: String(logIndex),
    logId: { keyId: id.toString('base64') },
    kindVersion: { kind: body.kind, version: body.apiVersion },
    integratedTime: String(integratedTime),
    inclusionPromise: {
      signedEntryTimestamp: sign('sha256', Buffer.from(JSON.stringify(promised)), privateKey).toString(
        'base64',
      ),
    },
    inclusionProof: {
      logIndex: '0',
      rootHash: root.toString('base64'),
      treeSize: '1',
      hashes: [],
      checkpoint: { envelope: `${note}\n\u2014 sigstore.test ${hinted.toString('base64')}\n` },
    },
    canonicalizedBody: bytes.toString('base64'),
  }
}

/** RFC 6962, sections 3.2 and 3.3: one entry of the list that a certificate carries, signed over what it is before that. */
function logOfCertificates({ publicKey, privateKey }: ReturnType<typeof pair>, at: Date) {
  const bytes = publicKey.export({ type: 'spki', format: 'der' })
  const logID = createHash('sha256').update(bytes).digest()
  const time = Buffer.alloc(8)
  time.writeBigUInt64BE(BigInt(at.getTime()))
  return {
    publicKey: bytes,
    logID,
    async log(certificate: ArrayBuffer, issuerId: ArrayBuffer): Promise<ArrayBuffer> {
      const unsigned = firstElement(Buffer.from(certificate))
      const [issuer, empty] = [Buffer.from(issuerId), Buffer.of(0, 0)]
      const entry = [Buffer.of(0, 1), issuer, sized(unsigned, 3), empty]
      const signature = sign('sha256', Buffer.concat([Buffer.of(0, 0), time, ...entry]), privateKey)
      // SHA-256 and ECDSA, by the numbers of RFC 5246, section 7.4.1.4.1.
      const sct = Buffer.concat([Buffer.of(0), logID, time, empty, Buffer.of(4, 3), sized(signature, 2)])
      return new Uint8Array(sized(sct, 2)).buffer
    },
  }
}

function sized(bytes: Buffer, width: number): Buffer {
  const length = Buffer.alloc(width)
  length.writeUIntBE(bytes.length, 0, width)
  return Buffer.concat([length, bytes])
}

/** Of a DER sequence. */
function firstElement(sequence: Buffer): Buffer {
  const inside = sequence.subarray(headLength(sequence))
  const head = headLength(inside)
  const length = head === 2 ? (inside[1] ?? 0) : inside.readUIntBE(2, head - 2)
  return inside.subarray(0, head + length)
}

function headLength(element: Buffer): number {
  const first = element[1] ?? 0
  return first < 0x80 ? 2 : 2 + (first & 0x7f)
}

/** The authority is made anew for each time that it stamps, with these keys: its chain is the first one's. */
async function stampChain(keys: Parameters<typeof initializeTSA>[0]): Promise<[Buffer, Buffer]> {
  const { intCertificate, rootCertificate } = await initializeTSA(keys)
  return [intCertificate, rootCertificate]
}

function instance(publicKey: KeyObject) {
  const rawBytes = publicKey.export({ type: 'spki', format: 'der' })
  return {
    baseUrl: URL,
    hashAlgorithm: 'SHA2_256',
    publicKey: {
      rawBytes: rawBytes.toString('base64'),
      keyDetails: 'PKIX_ECDSA_P256_SHA_256',
      validFor: { start: '2020-01-01T00:00:00Z' },
    },
    logId: { keyId: createHash('sha256').update(rawBytes).digest('base64') },
  }
}
