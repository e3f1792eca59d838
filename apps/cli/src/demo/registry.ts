import { CliError } from '../errors.ts'
import { type Image, manifestType, sha256 } from './image.ts'

/** A repository as an ordinary client sees it (OCI Distribution specification), by user name and password. */
export type Repository = {
  readonly url: string
  readonly name: string
  readonly user: string
  readonly password: string
}

/** Sends one call under `/v2/<name>/`; an absolute path is taken as a Location that the server gave. */
export function send(repository: Repository, method: string, path: string, body?: Buffer, type?: string) {
  const { url, name, user, password } = repository
  const target = path.startsWith('/') || path.includes('://') ? path : `/v2/${name}/${path}`
  const at = new URL(target, url)
  if (at.origin !== url) throw new CliError('failed', `${url} sends an upload to another host, ${at.origin}`)
  const headers = new Headers({
    authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`,
  })
  if (type !== undefined) headers.set('content-type', type)
  return fetch(at, {
    method,
    headers,
    redirect: 'error',
    ...(body === undefined ? {} : { body: new Uint8Array(body) }),
  })
}

/** Pushes blobs first, the manifest last. @throws CliError `failed` at the first unexpected status */
export async function push(repository: Repository, image: Image, tag: string): Promise<void> {
  for (const { digest, bytes } of image.blobs) {
    const session = await expectStatus(202, send(repository, 'POST', 'blobs/uploads/'))
    const location = new URL(session.headers.get('location') ?? '', repository.url)
    location.searchParams.set('digest', digest)
    await expectStatus(201, send(repository, 'PUT', location.href, bytes, 'application/octet-stream'))
  }
  await expectStatus(201, send(repository, 'PUT', `manifests/${tag}`, image.manifest, manifestType))
}

/** The digests of what comes back for a tag and for its blobs, computed from the bytes. */
export async function pull(
  repository: Repository,
  tag: string,
  blobs: readonly string[],
): Promise<{ manifest: string; blobs: readonly string[] }> {
  const read = async (path: string): Promise<string> => {
    const answer = await expectStatus(200, send(repository, 'GET', path))
    return sha256(new Uint8Array(await answer.arrayBuffer()))
  }
  const manifest = await read(`manifests/${tag}`)
  const digests: string[] = []
  for (const digest of blobs) digests.push(await read(`blobs/${digest}`))
  return { manifest, blobs: digests }
}

async function expectStatus(status: number, answer: Promise<Response>): Promise<Response> {
  const response = await answer
  if (response.status === status) return response
  const said = (await response.text()).slice(0, 300)
  throw new CliError(
    'failed',
    `${new URL(response.url).pathname}: expected ${status}, got ${response.status} ${said}`,
  )
}
