import { digestOf, OCI_CONFIG, OCI_MANIFEST } from '@sluice/oci'
import { pushBlob, until } from '@sluice/testkit'
import { type Elsewhere, REPOSITORY, type Scene } from './scene.ts'

export const TAG = '1.0.0'

/** An image whose root has a sha512 digest, under `TAG` in our own registry; answers that digest. */
export async function pushWide({ url, prefix }: Elsewhere, repository = REPOSITORY): Promise<string> {
  const name = `${prefix}${repository}`
  const config = await pushBlob(url, name, Buffer.from('{"os":"linux","architecture":"amd64"}'), OCI_CONFIG)
  const layers = [await pushBlob(url, name, Buffer.from('a layer'))]
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: OCI_MANIFEST, config, layers }))
  const digest = digestOf(bytes, 'sha512')
  const { status } = await fetch(`${url}/v2/${name}/manifests/${digest}?tag=${TAG}`, {
    method: 'PUT',
    headers: { 'content-type': OCI_MANIFEST },
    body: bytes,
  })
  if (status !== 201) throw new Error(`the registry answers ${status}`)
  return digest
}

/** Has it promoted along the first lane of the scene; answers how that ended. */
export async function promoteWide(scene: Scene, digest: string) {
  return endOf(scene, await approveWide(scene, digest))
}

/** Has it approved, with others of the same tag in one release set; answers the id of the request. */
export async function approveWide(
  scene: Scene,
  digest: string,
  repositories = [REPOSITORY],
): Promise<string> {
  const items = repositories.map((repository) => ({ image: `${repository}:${TAG}` }))
  const { request } = await scene.api.requests.create(scene.requester, { lane: 'dev-to-trusted', items })
  if (!request.items.some((item) => item.digest === digest)) throw new Error(`it is not for ${digest}`)
  const pinned = request.digest ?? request.setDigest
  await scene.api.requests.approve(scene.approver, request.id, { digest: pinned })
  return request.id
}

/** How its promotion ended, by now or later. */
export function endOf(scene: Scene, requestId: string) {
  return until(
    async () => {
      const promotion = (await scene.api.requests.get(requestId))?.promotion
      return ['SUCCEEDED', 'FAILED', 'ERRORED'].includes(promotion?.state ?? '') ? promotion : null
    },
    { what: 'the end of the promotion', timeoutMs: 60_000 },
  )
}
