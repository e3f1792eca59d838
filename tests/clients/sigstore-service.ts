import { createHash, createPublicKey } from 'node:crypto'
import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import { openSigstore, type Who } from '@sluice/testkit/sigstore'
import { z } from 'zod'

const signingRequest = z.object({
  credentials: z.unknown().optional(),
  publicKeyRequest: z.object({ publicKey: z.object({ content: z.string() }) }),
})
const proposed = z.object({
  kind: z.literal('dsse'),
  apiVersion: z.literal('0.0.1'),
  spec: z.object({ proposedContent: z.object({ envelope: z.string(), verifiers: z.tuple([z.string()]) }) }),
})
const envelope = z.object({
  payload: z.string(),
  signatures: z.tuple([z.object({ sig: z.string() })]),
})
const UUID = 'a'.repeat(64)
const sha256 = (bytes: Uint8Array | string) => ({
  algorithm: 'sha256',
  value: createHash('sha256').update(bytes).digest('hex'),
})

/** Fulcio's and Rekor's first APIs, as cosign calls them, for whoever `who` is at the moment. */
export async function startSigstore(who: () => Who) {
  const sigstore = await openSigstore()

  async function certificates(body: unknown): Promise<object> {
    const { content } = signingRequest.parse(body).publicKeyRequest.publicKey
    const key = createPublicKey(content).export({ type: 'spki', format: 'der' })
    const chain = [await sigstore.issue(key, who()), sigstore.authority].map(pem)
    return { signedCertificateEmbeddedSct: { chain: { certificates: chain } } }
  }

  /** What is proposed is an envelope with its certificate; what is kept are hashes of it. */
  function entry(body: unknown): object {
    const { kind, apiVersion, spec } = proposed.parse(body)
    const { envelope: text, verifiers } = spec.proposedContent
    const { payload, signatures } = envelope.parse(JSON.parse(text))
    const kept = {
      envelopeHash: sha256(text),
      payloadHash: sha256(Buffer.from(payload, 'base64')),
      signatures: [{ signature: signatures[0].sig, verifier: verifiers[0] }],
    }
    // The authority's clock may be a second ahead.
    const made = sigstore.logEntry({ kind, apiVersion, spec: kept }, new Date(Date.now() + 2000))
    const hex = (base64: string): string => Buffer.from(base64, 'base64').toString('hex')
    const { logIndex, treeSize, rootHash, checkpoint } = made.inclusionProof
    return {
      [UUID]: {
        body: made.canonicalizedBody,
        integratedTime: Number(made.integratedTime),
        logID: hex(made.logId.keyId),
        logIndex: Number(made.logIndex),
        verification: {
          signedEntryTimestamp: made.inclusionPromise.signedEntryTimestamp,
          inclusionProof: {
            logIndex: Number(logIndex),
            treeSize: Number(treeSize),
            hashes: [],
            rootHash: hex(rootHash),
            checkpoint: checkpoint.envelope,
          },
        },
      },
    }
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const parts: Buffer[] = []
    for await (const part of request) parts.push(Buffer.from(part))
    const body: unknown = JSON.parse(Buffer.concat(parts).toString())
    const logged = request.url === '/api/v1/log/entries'
    const reply = logged ? entry(body) : await certificates(body)
    const more = logged ? { etag: UUID, location: `/api/v1/log/entries/${UUID}` } : {}
    response.writeHead(logged ? 201 : 200, { 'content-type': 'application/json', ...more })
    response.end(JSON.stringify(reply))
  }

  const server = http.createServer((request, response) => {
    answer(request, response).catch((error: unknown) => response.writeHead(400).end(String(error)))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`
  const services = [
    { url, majorApiVersion: 1, validFor: { start: '2020-01-01T00:00:00Z' }, operator: 'test' },
  ]
  return {
    trustedRoot: JSON.stringify(sigstore.trustedRoot()),
    /** Where cosign is told to go, sigstore_trustroot.proto, SigningConfig. */
    signingConfig: JSON.stringify({
      mediaType: 'application/vnd.dev.sigstore.signingconfig.v0.2+json',
      caUrls: services,
      oidcUrls: [],
      rekorTlogUrls: services,
      rekorTlogConfig: { selector: 'ANY' },
      tsaUrls: [],
      tsaConfig: { selector: 'ANY' },
    }),
    stop: () => new Promise<unknown>((resolve) => server.close(resolve)),
  }
}

function pem(der: Buffer): string {
  const lines = der.toString('base64').replace(/.{64}/g, '$&\n').trim()
  return `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`
}
