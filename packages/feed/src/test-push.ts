import { CONFIG, LAYER, type TestBlob, type TestManifest } from './test-images.ts'
import type { Answer, TestServer } from './test-server.ts'

/** Pushes over HTTP as a client would, failing the test when the server refuses. */
export async function pushBlob(
  server: TestServer,
  name: string,
  blob: TestBlob,
  as = 'alice',
): Promise<void> {
  const path = `/v2/${name}/blobs/uploads/?digest=${blob.digest}`
  expectStatus(await server.ask('POST', path, { as, body: blob.bytes }), 201)
}

export async function putManifest(
  server: TestServer,
  name: string,
  manifest: TestManifest,
  reference = manifest.digest,
): Promise<Answer> {
  const answer = await server.ask('PUT', `/v2/${name}/manifests/${reference}`, {
    headers: { 'content-type': manifest.mediaType },
    body: manifest.bytes,
  })
  return expectStatus(answer, 201)
}

export async function pushImage(server: TestServer, name: string, image: TestManifest, reference?: string) {
  await pushBlob(server, name, CONFIG)
  await pushBlob(server, name, LAYER)
  return await putManifest(server, name, image, reference)
}

/** Opens a session and answers its location. */
export async function openSession(
  server: TestServer,
  name: string,
  query = '',
  as = 'alice',
): Promise<string> {
  const answer = await server.ask('POST', `/v2/${name}/blobs/uploads/${query}`, { as })
  return String(expectStatus(answer, 202).headers.location)
}

function expectStatus(answer: Answer, status: number): Answer {
  if (answer.status === status) return answer
  throw new Error(`expected ${status}, got ${answer.status}: ${answer.bytes.toString()}`)
}
