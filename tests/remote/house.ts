import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import type { Client, Verb } from '@sluice/contract'
import { until } from '@sluice/testkit'
import { inject } from 'vitest'
import { pulledDigest, writeLayouts } from '../clients/images.ts'
import { run } from '../clients/run.ts'
import { openScene, type Person } from '../web/scene.ts'

type NewFeed = Parameters<Client['createFeed']>[0]['body']
type Remote = NonNullable<NewFeed['remote']>

/** Where a feed keeps its images; repositories have the prefix before their names there. */
export type Place = Pick<Remote, 'url'> & Partial<Remote>

/** What one promotion came to. */
export type Ended = {
  readonly id: string
  readonly digest: string
  readonly state: string
  readonly message: string
}

/** Somebody who asks and somebody who decides, on the service that `npm run test:clients` starts. */
export async function openHouse() {
  const { url, adminPassword } = inject('sluice')
  const scene = await openScene({ url, adminPassword })
  const { admin } = scene
  const rita = await scene.requester()
  const anna = await scene.approver()

  const grant = async (feed: string, name: string, verbs: Verb[]): Promise<void> => {
    const { items } = await admin.getGrants({ params: { feed } })
    await admin.putGrants({ params: { feed }, body: [...items, { principal: `user:${name}`, verbs }] })
  }
  let second: Promise<Person> | undefined
  const fresh = (word: string): string => `${word}-${randomBytes(4).toString('hex')}`

  return {
    admin,
    rita,
    /** `host:port` of the service, and what skopeo needs to sign in to it. */
    own: { host: new URL(url).host, credentials: `${rita.name}:${rita.password}` },
    /** Makes a feed that both may use: remote, or hosted where no place is given. */
    async feed(place: Place | null, trusted: boolean): Promise<string> {
      const name = fresh(trusted ? 'prod' : 'far')
      const remote = place && { plainHttp: 'loopback' as const, ...place }
      await admin.createFeed({
        body: {
          name,
          stage: 'test',
          trusted,
          ...(remote === null ? {} : { kind: 'remote' as const, remote }),
        },
      })
      await grant(name, rita.name, trusted ? ['pull', 'request'] : ['pull', 'push'])
      await grant(name, anna.name, trusted ? ['pull', 'approve'] : ['pull'])
      return name
    },
    /** A lane into a trusted feed is confirmed by a second administrator, where there is one. */
    async lane(from: string, to: string): Promise<string> {
      const name = fresh('lane')
      const { pending } = await admin.createLane({ body: { name, from, to } })
      if (pending !== null) {
        second ??= scene.administrator('opal')
        await (await second).client.confirmLaneChange({ params: { lane: name, id: pending.id } })
      }
      return name
    },
    /**
     * From the request to the end of the promotion, whichever it is.
     * @param beforeApproval the last that happens before the worker begins
     */
    async promote(lane: string, image: string, beforeApproval?: () => unknown): Promise<Ended> {
      const { id, digest } = await rita.client.createRequest({ body: { lane, image } })
      await beforeApproval?.()
      await anna.client.decideRequest({ params: { id }, body: { decision: 'approve', digest: digest ?? '' } })
      return { id, digest: digest ?? '', ...(await this.ended(id)) }
    },
    async ended(id: string): Promise<{ state: string; message: string }> {
      const over = async () => {
        const { promotion } = await rita.client.getRequest({ params: { id } })
        const ended = promotion !== null && ['SUCCEEDED', 'FAILED', 'ERRORED'].includes(promotion.state)
        return ended ? { state: promotion.state, message: promotion.error?.message ?? '' } : null
      }
      return until(over, { what: `the end of ${id}`, timeoutMs: 100_000 })
    },
    /** Asks for an ERRORED promotion once more, and waits for its end. */
    async retry(id: string): Promise<{ state: string; message: string }> {
      await rita.client.retryRequest({ params: { id } })
      return this.ended(id)
    },
  }
}

/** Pushes the index of two platforms with skopeo, and answers its digest. */
export async function push(to: string, ...options: string[]): Promise<string> {
  return inFolder(async (folder) => {
    writeLayouts(folder)
    const verbatim = ['--all', '--preserve-digests']
    await run('skopeo', ['copy', ...verbatim, ...options, `oci:${folder}/index:v1`, `docker://${to}`])
    return pulledDigest(path.join(folder, 'index'))
  })
}

/** Pulls an image with skopeo, hashes all of it, and answers its digest. */
export async function pull(from: string, ...options: string[]): Promise<string> {
  return inFolder(async (folder) => {
    await run('skopeo', [
      'copy',
      '--all',
      '--preserve-digests',
      ...options,
      `docker://${from}`,
      `oci:${folder}/pulled:v1`,
    ])
    return pulledDigest(path.join(folder, 'pulled'))
  })
}

async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'sluice-remote-'))
  try {
    return await work(folder)
  } finally {
    fs.rmSync(folder, { recursive: true, force: true })
  }
}
