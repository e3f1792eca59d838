import type { Handle } from '../call.ts'

export const getStorage: Handle<'getStorage'> = async ({ services }) => {
  const { collection, damaged, ...overview } = await services.store.storageOverview()
  const items = damaged.items.map((blob) => ({ ...blob, repositories: [...blob.repositories] }))
  const taken = collection && {
    at: collection.at,
    retired: collection.retired,
    manifests: collection.manifests,
    blobs: collection.blobs,
    objects: collection.objects,
    foreign: collection.foreign,
  }
  return { status: 200, body: { ...overview, collection: taken, damaged: { count: damaged.count, items } } }
}
