import { parsePolicy } from '@sluice/promotion'
import type { SeenTag } from '../index.ts'
import { type Beside, fresh } from '../promotion/test-elsewhere.ts'
import { addLane, setScene } from '../promotion/test-scene.ts'

export const other = `sha256:${'d'.repeat(64)}`
export const app = (tag: string, seen: string | null): SeenTag => ({ repository: 'app', tag, digest: seen })

/** A trusted remote feed whose ledger says that `1.0.0` of `app` is `digest`, and its registry too. */
export async function setLedger({ house, store, registry }: Beside) {
  const scene = await setScene(house)
  const where = fresh('team')
  const feed = await store.feeds.create(scene.rita, {
    name: fresh('far'),
    stage: 'far',
    trusted: true,
    remote: { url: registry.url, prefix: where, plainHttp: 'loopback' },
  })
  const lane = fresh('lane')
  const policy = parsePolicy({ gates: {}, requestExpiresAfter: { hours: 1 } })
  await addLane(house.api, lane, scene.dev.id, feed.id, scene.rita, policy)
  const digest = await scene.push('app', ['1.0.0'])
  registry.manifests.set(`${where}/app 1.0.0`, registry.asManifest(digest))

  /** What a promotion leaves behind, put there by the superuser: the steps that do it are the worker's. */
  async function enterLedger(): Promise<void> {
    const { id: promotionId } = await promoted()
    await scene.sql(
      `insert into repository (id, feed_id, name) values (gen_random_uuid(), $1, 'app') on conflict do nothing`,
      [feed.id],
    )
    const [{ id: repository } = { id: '' }] = await scene.sql<{ id: string }>(
      `select id from repository where feed_id = $1 and name = 'app'`,
      [feed.id],
    )
    const [{ id: entry } = { id: '' }] = await scene.sql<{ id: string }>(
      'select id from audit_entry order by arrival desc limit 1',
    )
    const admission = crypto.randomUUID()
    await scene.sql(
      `insert into admission (id, feed_id, repository_id, digest, promotion_id, position, bound_hash, entry_id)
       values ($1, $2, $3, $4, $5, 0, 'x', $6)`,
      [admission, feed.id, repository, digest, promotionId, entry],
    )
    await scene.asOwner(
      `insert into repository_manifest (repository_id, digest, media_type, admission_id) values ($1, $2, 'application/vnd.oci.image.manifest.v1+json', $3)`,
      [repository, digest, admission],
    )
    await scene.asOwner(
      `insert into tag (repository_id, name, digest, moved_at) values ($1, '1.0.0', $2, now() - interval '1 hour')`,
      [repository, digest],
    )
  }

  /** A promotion into the feed that has ended. */
  async function promoted(): Promise<{ id: string }> {
    const made = await store.requests.create(scene.rita, {
      lane,
      items: [{ image: 'app:1.0.0' }],
    })
    const { promotion } = await approve(made.request.id, made.request.setDigest, made.request.digest)
    const id = promotion?.id ?? ''
    await scene.unguarded(
      'promotion',
      `update promotion set state = 'SUCCEEDED', finished_at = now() where id = $1`,
      [id],
    )
    return { id }
  }

  async function approve(id: string, setDigest: string, one?: string) {
    await scene.sql(`insert into access_grant values ($1, $2, '{pull,approve}') on conflict do nothing`, [
      feed.id,
      scene.anna.principalId,
    ])
    return store.requests.approve(scene.anna, id, { digest: one ?? setDigest })
  }

  const look = async (...seen: SeenTag[]) => {
    const { at } = await store.remotes.ledger(feed.id)
    return store.remotes.compare(feed.id, { at, seen })
  }

  const open = async () =>
    (await store.remotes.alerts.list({ state: 'open', limit: 10, visibleFeedIds: [feed.id] })).items
  const ask = (targetTags: string[]) =>
    store.requests.create(scene.rita, { lane, items: [{ image: 'app:1.0.0', targetTags }] })

  await enterLedger()
  return { scene, where, feed, lane, digest, approve, look, open, ask }
}

export type Ledger = Awaited<ReturnType<typeof setLedger>>
