import { type Served, startFeed } from '@sluice/feed/test-registry'
import { openRegistry, verifyGraph } from '@sluice/oci'
import { startFlakyProxy, startTokenGate, until } from '@sluice/testkit'
import { afterAll, beforeAll, expect, type ExpectStatic, test } from 'vitest'
import {
  type Case,
  expiries,
  fails,
  healing,
  lasting,
  type Sick,
  SIZE,
  tenths,
  UNRESOLVED,
} from './testdata/faults.ts'
import { closeGate } from './testdata/gate.ts'
import { type Approved, openScene, REPOSITORY, type Scene } from './testdata/scene.ts'
import { HASTY, type WorkerProcess } from './testdata/worker-process.ts'

// Each fault is met by a whole promotion: request, approval, worker, tag. All of them at once, by one worker.

const PASSWORD = 'correct-horse-battery'

let from: Served
let to: Served
let scene: Scene
let worker: WorkerProcess

beforeAll(async () => {
  from = await startFeed()
  to = await startFeed()
  scene = await openScene()
  await scene.hurry()
  worker = await scene.spawn(HASTY)
})
afterAll(async () => {
  await scene.close()
  await Promise.all([from.stop(), to.stop()])
})

let cases = 0

async function open({ hosted }: Case) {
  const prefix = `dev/case${cases++}/`
  const gate = await startTokenGate(to.url, { username: 'ci', password: PASSWORD })
  const proxies = { from: await startFlakyProxy(from.url), to: await startFlakyProxy(gate.url) }
  const credentials = { username: 'ci', password: PASSWORD }
  const ends = {
    from: { url: proxies.from.url, prefix },
    ...(hosted !== true && { to: { url: proxies.to.url, prefix, credentials } }),
  }
  let address = proxies.to.url
  const moveTarget = async (url: string): Promise<void> => {
    const plain = url.includes('127.0.0.1') ? 'loopback' : new URL(url).hostname
    const set = 'base_url = $1, plain_http = array[$2], changed_at = now()'
    const { rowCount } = await scene.owner.query(`update feed_remote set ${set} where base_url = $3`, [
      url,
      plain,
      address,
    ])
    expect(rowCount).toBe(1)
    address = url
  }
  const registry = openRegistry({ baseUrl: to.url, plainHttp: 'loopback' })
  const repository = registry.repository(`${prefix}${REPOSITORY}`)
  const mark = `trusted-${cases}`
  return {
    prefix,
    approve: await scene.lane(ends),
    /** What the tag names in the registry of the target, past all that is sick. */
    served: async () => (await repository.resolve('1.0.0'))?.digest ?? null,
    async expectServed({ digest }: Approved, expect: ExpectStatic): Promise<void> {
      const root = await repository.resolve('1.0.0')
      expect(root?.digest).toBe(digest)
      if (root !== null)
        expect(await verifyGraph({ registry: repository, root })).toMatchObject({ manifests: 3, blobs: 5 })
    },
    async expectStored({ requestId, digest }: Approved, expect: ExpectStatic): Promise<void> {
      const feed = await scene.api.feedIndex.findFeed(mark)
      if (feed === null) throw new Error(`the feed ${mark} is missing`)
      const at = { feed, repository: REPOSITORY }
      expect(await scene.api.feedIndex.findManifest(at, '1.0.0')).toMatchObject({ digest })
      const { rows } = await scene.owner.query<{ digest: string }>(
        `select digest from closure_member where request_id = $1 and kind = 'blob'`,
        [requestId],
      )
      expect(rows).toHaveLength(5)
      for (const blob of rows) expect(await scene.api.feedIndex.findBlob(at, blob.digest)).toMatchObject(blob)
    },
    sick: (digest: string): Sick => ({
      ...proxies,
      gate,
      layer: new RegExp(digest.replace(/^.*:/, '')),
      moveTarget,
    }),
    async close(): Promise<void> {
      registry.close()
      await Promise.all([gate.close(), proxies.from.close(), proxies.to.close()])
    },
  }
}

const viewOf = async ({ requestId }: Approved) => (await scene.api.requests.get(requestId))?.promotion

/** Waits for the end of a promotion, and answers its state. */
async function settled({ promotionId }: Approved): Promise<string> {
  const over = async (): Promise<string | null> => {
    const state = await scene.state(promotionId)
    return ['SUCCEEDED', 'FAILED', 'ERRORED'].includes(state) ? state : null
  }
  return until(over, { what: `the end of ${promotionId}`, timeoutMs: 100_000 })
}

/** What anybody could see of it in our own rows. */
async function landed({ promotionId }: Approved): Promise<number> {
  const tables = ['admission', 'tag_move'].map((table) => `select from ${table} where promotion_id = $1`)
  const { rows } = await scene.owner.query<{ n: number }>(
    `select count(*)::int as n from (${tables.join(' union all ')}) rows`,
    [promotionId],
  )
  return rows[0]?.n ?? -1
}

/** A text with what differs from run to run named. */
function plainly(
  text: string,
  { prefix, proxies }: { prefix: string; proxies: Pick<Sick, 'from' | 'to'> },
): string {
  return text
    .replaceAll(new URL(proxies.from.url).host, 'SOURCE')
    .replaceAll(new URL(proxies.to.url).host, 'TARGET')
    .replaceAll(UNRESOLVED, 'UNRESOLVED')
    .replaceAll(/trusted-\d+/g, 'trusted')
    .replaceAll(prefix, '')
    .replaceAll(/sha256:[0-9a-f]{64}/g, 'DIGEST')
}

test.concurrent.for([...tenths, ...expiries, ...healing, ...lasting])('$what', async (one, { expect }) => {
  const { what, infect, heal, errored, attempt, hosted } = one
  const house = await open(one)
  let sick: Sick | undefined
  const approved = await house.approve('1.0.0', SIZE, ({ layer }) => {
    sick = house.sick(layer)
    return infect(sick)
  })
  if (sick === undefined) throw new Error('nothing was infected')
  expect(await settled(approved)).toBe(errored === undefined ? 'SUCCEEDED' : 'ERRORED')
  if (errored !== undefined) {
    const view = await viewOf(approved)
    const [code, says] = errored
    expect(view?.attempt, what).toBe(attempt)
    const told = plainly(view?.error?.message ?? '', { ...house, proxies: sick })
    expect({ code: view?.error?.code, says: told }).toEqual({ code, says })
    expect(await house.served()).toBeNull()
    expect(await landed(approved)).toBe(0)
    sick.from.heal()
    sick.to.heal()
    await heal?.(sick)
    await scene.api.requests.retry(scene.approver, approved.requestId)
    expect(await settled(approved)).toBe('SUCCEEDED')
  } else {
    expect((await viewOf(approved))?.attempt).toBe(attempt)
  }
  expect(await landed(approved)).toBe(2)
  await (hosted === true ? house.expectStored(approved, expect) : house.expectServed(approved, expect))
  await house.close()
})

test('what was shown to the registries is in no line of the worker', () => {
  const told = JSON.stringify(worker.lines)
  expect(told).toContain('promotion given up')
  for (const secret of [PASSWORD, Buffer.from(`ci:${PASSWORD}`).toString('base64')]) {
    expect(told.includes(secret)).toBe(false)
  }
})

test('a registry that asks one worker for silence has it from another one', async () => {
  const proxy = await startFlakyProxy(to.url)
  const approve = await scene.lane({ to: { url: proxy.url, prefix: 'dev/pause/' } })
  const pauseEnds = async (): Promise<number> => {
    const query = 'select extract(epoch from until) * 1000 as until from registry_pause where host = $1'
    const { rows } = await scene.owner.query<{ until: string }>(query, [new URL(proxy.url).host])
    return Number(rows[0]?.until ?? 0)
  }
  await approve('1.0.0', 100, () =>
    // Of blobs only the worker asks.
    proxy.add({ path: /\/blobs\//, fault: fails(429, '', { 'retry-after': '60' }), times: 1 }),
  )
  await until(async () => (await pauseEnds()) > 0, { what: 'the plea to be written down', timeoutMs: 60_000 })
  await worker.kill()
  // Held where it has begun and has not yet sent anything.
  const gate = await closeGate(scene.owner, 'promotion_step', `new.name = 'copy' and new.finished_at is null`)
  await scene.spawn(HASTY)
  const second = await approve('2.0.0')
  const sent = proxy.log.length
  await gate.reached()
  expect(proxy.log).toHaveLength(sent)
  await scene.owner.query(`update registry_pause set until = now() + interval '2 seconds'`)
  const end = await pauseEnds()
  await gate.open()
  expect(await settled(second)).toBe('SUCCEEDED')
  expect(proxy.times[sent]).toBeGreaterThanOrEqual(end)
  await proxy.close()
})
