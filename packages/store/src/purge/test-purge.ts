import { newId } from '../index.ts'
import type { House, Scene } from '../promotion/test-scene.ts'

/** Recalls a digest that the trusted feed of a scene holds, and purges it: opened by anna, confirmed by otto. */
export async function purge({ api }: House, scene: Scene, digest: string): Promise<void> {
  const { anna, otto, trusted } = scene
  await scene.sql(`update person set roles = '{admin}' where id = $1`, [anna.personId])
  await scene.sql(
    `update access_grant set verbs = verbs || '{recall}' where feed_id = $1 and principal_id = $2`,
    [trusted.id, otto.principalId],
  )
  await api.recalls.create(otto, { digest, feedId: trusted.id, reason: 'leak' })
  const opened = await api.purges.open({ ...anna, roles: ['admin'] }, { digest, reason: 'leaked key' })
  await api.purges.confirm(otto, opened.purge.id)
  // Where an administrator is, lanes of other tests would wait for a second one.
  await scene.sql(`update person set roles = '{}' where id = $1`, [anna.personId])
}

/** As if it had been let in: whatever is purged was recalled, and whatever is recalled is in a trusted feed. */
export async function holdInTrusted(scene: Scene, digest: string): Promise<void> {
  await scene.sql(
    `insert into repository (id, feed_id, name) values ($1, $2, 'held') on conflict do nothing`,
    [newId(), scene.trusted.id],
  )
  await scene.unguarded(
    'repository_manifest',
    `insert into repository_manifest (repository_id, digest, media_type)
     select r.id, $1, 'application/vnd.oci.image.manifest.v1+json' from repository r where r.feed_id = $2 and r.name = 'held'`,
    [digest, scene.trusted.id],
  )
}
