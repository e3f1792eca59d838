import { createHash, randomBytes } from 'node:crypto'
import { parsePolicy } from '@sluice/promotion'
import { openStore, type Run } from '../index.ts'
import { startRegistry } from '../remotes/test-registry.ts'
import { addLane, openHouse, type Scene, setScene } from './test-scene.ts'

const secret = createHash('sha256').update('beside').digest()

export const fresh = (word: string) => `${word}-${randomBytes(4).toString('hex')}`

/** A house beside a registry, and a store that may sign in there. */
export async function openBeside() {
  const house = await openHouse()
  const store = await openStore({ url: house.apiUrl, secret })
  const registry = await startRegistry()
  return {
    house,
    store,
    registry,
    /** What the store seals with. */
    secret,
    async close(): Promise<void> {
      await registry.close()
      await store.close()
      await house.close()
    },
  }
}

export type Beside = Awaited<ReturnType<typeof openBeside>>

/** An approved promotion of what the tag was then. */
export interface Made {
  readonly id: string
  readonly digest: string
  readonly tag: string
  readonly promotionId: string
}

/** A scene with a lane from its hosted feed to a trusted one elsewhere. */
export async function setElsewhere({ house, store, registry }: Beside) {
  const scene: Scene = await setScene(house)

  /** A trusted feed in the registry, that both may use. */
  const feedAt = async (prefix: string): Promise<{ id: string; name: string }> => {
    const made = await store.feeds.create(scene.rita, {
      name: fresh('far'),
      stage: 'far',
      trusted: true,
      remote: { url: registry.url, prefix, plainHttp: 'loopback' },
    })
    for (const { principalId } of [scene.rita, scene.anna]) {
      await scene.sql(
        `insert into access_grant values ($1, $2, '{pull,request,approve,recall}')
        on conflict (feed_id, principal_id) do update set verbs = excluded.verbs`,
        [made.id, principalId],
      )
    }
    return made
  }

  /** A new image under the tag in `dev`, and its approved promotion. */
  const approved = async (tag = 'stable'): Promise<Made> => {
    const digest = await scene.push('app', [tag])
    const { request } = await store.requests.create(scene.rita, { lane, items: [{ image: `app:${tag}` }] })
    const view = await store.requests.approve(scene.anna, request.id, { digest })
    if (view.promotion === null) throw new Error('the quorum is met by one')
    return { id: request.id, digest, tag, promotionId: view.promotion.id }
  }

  const ready = async (made: Made, attempt = 1, worker = 'worker-1'): Promise<Run> => {
    const run = await scene.begin(made.promotionId, attempt, worker)
    await scene.stageAll(run)
    return run
  }

  /** What the worker does once it has read the tag. */
  const intend = (run: Run, { tag }: Made, digest: string | null = null, leaseMs = 60_000) =>
    house.worker.runs.intend(run, { observed: [{ position: 0, tag, digest }], leaseMs, timeoutMs: 60_000 })

  const endLease = () =>
    scene.sql(`update commit_intent set free_at = now() - interval '1 second' where feed_id = $1`, [feed.id])

  /** A new attempt, as after a worker that was lost. */
  const lost = async ({ promotionId }: Made): Promise<void> => {
    await scene.sql(`update promotion set lease_until = now() - interval '1 second' where id = $1`, [
      promotionId,
    ])
    await house.worker.runs.sweep({ now: new Date() })
    await scene.sql(`update promotion set not_before = now() where id = $1`, [promotionId])
  }

  const ledger = async (tag: string): Promise<string | null> => {
    const [row] = await scene.sql<{ digest: string }>(
      'select t.digest from tag t join repository r on r.id = t.repository_id where r.feed_id = $1 and t.name = $2',
      [feed.id, tag],
    )
    return row?.digest ?? null
  }

  const where = fresh('team')
  const feed = await feedAt(where)
  const lane = fresh('lane')
  await addLane(
    house.api,
    lane,
    scene.dev.id,
    feed.id,
    scene.rita,
    parsePolicy({ gates: {}, requestExpiresAfter: { hours: 1 } }),
  )
  return { scene, where, feed, lane, feedAt, approved, ready, intend, endLease, lost, ledger }
}

export type Elsewhere = Awaited<ReturnType<typeof setElsewhere>>
