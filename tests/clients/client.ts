import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { until } from '@sluice/testkit'
import { afterAll, beforeAll, describe, expect, inject, type TestContext, test } from 'vitest'
import { type Column, columns, type Told } from '../../scripts/clients.mjs'
import { call } from '../../scripts/service.mjs'
import { sha256, writeLayouts } from './images.ts'
import { type RunOptions, run } from './run.ts'

declare module 'vitest' {
  interface TaskMeta {
    client?: Told
  }
}

/** An image's name as a client writes it, and its parts. */
export type Name = {
  readonly feed: string
  readonly repository: string
  readonly tag: string
  /** `host:port/feed/repository:tag` */
  readonly full: string
  /** `host:port/feed/repository` */
  readonly place: string
}

/** What a client is given to work with. */
export type Surroundings = {
  /** Where the service listens, `host:port` on loopback without TLS. */
  readonly registry: string
  readonly url: string
  readonly username: string
  readonly password: string
  /** A folder of its own, the HOME of what it runs. */
  readonly home: string
  /** The folder with the OCI layouts `image`, `index` and `referrer`, each tagged `v1`. */
  readonly layouts: string
  /** Runs a program in `home`. */
  run(command: string, args: readonly string[], options?: RunOptions): Promise<string>
  /** A path in `home` that is not there yet. */
  fresh(name: string): string
}

/** Sends something under a name and gets it back. Both answer the digest as the client knows it. */
export type Transfer = {
  push(name: Name): Promise<string>
  /** Answers once everything has arrived, from the registry and not from a store of the client. */
  pull(name: Name): Promise<string>
}

export type Referrers = {
  /** Pushes something that refers to the image of that name and digest. Answers the referrer's digest. */
  attach(name: Name, digest: string): Promise<string>
  /** What the client finds below an image, as text that holds the digests; or the digest of what it pulled. */
  find(name: Name, digest: string): Promise<string>
  /** What the table says about how. */
  readonly note?: string
}

export type OutsideClient = {
  version(): Promise<string>
  /** Brings up what it needs; answers how to end that. */
  start?(): Promise<() => Promise<void>>
  signIn(password: string): Promise<unknown>
  /** For clients whose sign-in asks nobody: something that needs the password to be right. */
  tryPassword?(password: string): Promise<unknown>
  readonly image: Transfer
  /** Or why it has none. */
  readonly index: Transfer | string
  readonly referrers: Referrers | string
  /** What its output says of a push to `trusted`; our own words unless it shows the status alone. */
  readonly refusal?: RegExp
}

const ourWords = /is trusted: images enter and leave it only by an approved promotion/
const lane = 'dev-to-trusted'

/** The tests of one client. */
export function client(name: string, make: (surroundings: Surroundings) => OutsideClient): void {
  const shared = inject('sluice')
  const surroundings = surround(name, shared.url)
  const { registry, username, password, home } = surroundings
  const it = make(surroundings)
  let stop: (() => Promise<void>) | undefined

  const repository = `${name}/app`
  const named = (feed: string, tag: string): Name => {
    const place = `${registry}/${feed}/${repository}`
    return { feed, repository, tag, place, full: `${place}:${tag}` }
  }
  const cells: Partial<Record<Column, string>> = {}
  /** Said first, so that the table is told of a failure too. */
  const tell = ({ task }: TestContext, column: Column, note = ''): void => {
    cells[column] = `✓ ${note}`.trim()
    task.meta.client = { name, cells: { [column]: cells[column] } }
  }
  for (const column of ['index', 'referrers'] as const) {
    const why = it[column]
    if (typeof why === 'string') cells[column] = `— ${why}`
  }

  const transfers: ['image' | 'index', string, Transfer][] = [['image', '1.0.0', it.image]]
  if (typeof it.index !== 'string') transfers.push(['index', '2.0.0', it.index])
  const pushed = new Map<string, string>()
  const digestOf = (tag: string): string => pushed.get(tag) ?? 'nothing was pushed'

  describe(`the client ${name}`, () => {
    beforeAll(async () => {
      writeLayouts(surroundings.layouts)
      const admin = await signIn('admin', shared.adminPassword)
      const body = { username, password, groups: [shared.group] }
      await call(shared.url, 'POST', '/users', { token: admin, body })
      stop = await it.start?.()
    })

    afterAll(async () => {
      await stop?.()
      fs.rmSync(home, { recursive: true, force: true })
    })

    test('is there, and says its version', async ({ task }) => {
      task.meta.client = { name, cells: { ...cells } }
      const version = /\d+(?:\.\d+)+/.exec(await it.version())?.[0] ?? ''
      expect(version).not.toBe('')
      task.meta.client = { name, version, cells: { ...cells } }
    })

    test('signs in, and not with a wrong password', async (context) => {
      tell(context, 'sign-in')
      const refusal = await refusalOf((it.tryPassword ?? it.signIn)('not the password'))
      expect(refusal).toMatch(/unauthorized|invalid username\/password/i)
      await it.signIn(password)
    })

    test.for(transfers)('pushes and pulls an %s', async ([column, tag, { push, pull }], context) => {
      tell(context, column)
      const digest = await push(named('dev', tag))
      pushed.set(tag, digest)
      expect(await digestAt(named('dev', tag))).toBe(digest)
      expect(await pull(named('dev', tag))).toBe(digest)
    })

    test('is refused by trusted, and shows why', async (context) => {
      tell(context, 'refusal', it.refusal === undefined ? '' : 'the status alone')
      expect(await refusalOf(it.image.push(named('trusted', '1.0.0')))).toMatch(it.refusal ?? ourWords)
      for (const [, tag, { push }] of transfers) {
        // `buildah manifest push` says nothing and ends with 0, whatever the registry answers.
        await push(named('trusted', tag)).catch(() => 'refused')
        expect(await digestAt(named('trusted', tag))).toBeNull()
      }
    })

    const { referrers } = it
    if (typeof referrers !== 'string') {
      test('pushes what refers to an image, and finds it', async (context) => {
        tell(context, 'referrers', referrers.note)
        const image = named('dev', '1.0.0')
        const digest = await referrers.attach(image, digestOf('1.0.0'))
        expect(await referrersOf(image, digestOf('1.0.0'))).toContain(digest)
        expect(await referrers.find(image, digest)).toContain(digest)
      })
    }

    test('promotes what it pushed', async (context) => {
      tell(context, 'promotion')
      for (const [, tag, { pull }] of transfers) {
        await promote(tag)
        expect(await pull(named('trusted', tag))).toBe(digestOf(tag))
        expect(await digestAt(named('trusted', tag))).toBe(digestOf(tag))
      }
      if (typeof referrers === 'string') return
      const promoted = named('trusted', '1.0.0')
      const refusal = await refusalOf(referrers.attach(promoted, digestOf('1.0.0')))
      expect(refusal).toMatch(it.refusal ?? ourWords)
      // What was attached in `dev` stays there.
      expect(await referrersOf(promoted, digestOf('1.0.0'))).toEqual([])
    })

    // The page is written again after a run in which the tests above pass.
    test('does what docs/clients.md says', () => {
      const told: Readonly<Record<string, string>> = cells
      expect(rowOf(name)).toEqual(Object.keys(columns).map((column) => told[column] ?? ''))
    })
  })

  const signIn = async (username: string, password: string): Promise<string> =>
    (await call(shared.url, 'POST', '/auth/login', { body: { username, password } })).token

  /** From the request, by the client's own user, to the end of the promotion. */
  async function promote(tag: string): Promise<void> {
    const token = await signIn(username, password)
    const { approver } = shared
    const body = { lane, image: `${repository}:${tag}` }
    const { id, digest } = await call(shared.url, 'POST', '/requests', { token, body })
    expect(digest).toBe(digestOf(tag))
    await call(shared.url, 'POST', `/requests/${id}/approvals`, {
      token: await signIn(approver.username, approver.password),
      body: { decision: 'approve', digest },
    })
    await until(
      async () => {
        const { promotion } = await call(shared.url, 'GET', `/requests/${id}`, { token })
        return promotion?.state === 'SUCCEEDED'
      },
      { what: `the promotion of ${repository}:${tag}`, timeoutMs: 30_000 },
    )
  }

  const read = (route: string): Promise<Response> =>
    fetch(new URL(`/v2/${route}`, shared.url), {
      headers: { authorization: `Basic ${btoa(`${username}:${password}`)}`, accept: '*/*' },
    })

  /** What the registry says a tag points at, in the bytes that it serves. */
  async function digestAt({ feed, tag }: Name): Promise<string | null> {
    const answer = await read(`${feed}/${repository}/manifests/${tag}`)
    return answer.ok ? sha256(new Uint8Array(await answer.arrayBuffer())) : null
  }

  async function referrersOf({ feed }: Name, digest: string): Promise<string[]> {
    const answer = await read(`${feed}/${repository}/referrers/${digest}`)
    const { manifests }: { manifests: { digest: string }[] } = JSON.parse(await answer.text())
    return manifests.map(({ digest }) => digest)
  }
}

function surround(name: string, url: string): Surroundings {
  const home = fs.mkdtempSync(path.join(os.tmpdir(), `sluice-${name}-`))
  const env = { HOME: home, DOCKER_CONFIG: path.join(home, '.docker'), XDG_RUNTIME_DIR: home }
  return {
    registry: new URL(url).host,
    url,
    username: name,
    password: randomBytes(18).toString('base64url'),
    home,
    layouts: path.join(home, 'layouts'),
    run: (command, args, options = {}) =>
      run(command, args, { cwd: home, ...options, env: { ...env, ...options.env } }),
    fresh: (prefix) => path.join(fs.mkdtempSync(path.join(home, `${prefix}-`)), 'new'),
  }
}

/** How something was refused. */
async function refusalOf(work: Promise<unknown>): Promise<string> {
  try {
    await work
  } catch (error) {
    return String(error)
  }
  throw new Error('what had to be refused was done')
}

/** The cells of a client's row in docs/clients.md, without its name and version. */
function rowOf(name: string): string[] {
  const page = fs.readFileSync(path.resolve(import.meta.dirname, '../../docs/clients.md'), 'utf8')
  const row = page.split('\n').find((line) => line.startsWith(`| ${name} |`)) ?? ''
  return row
    .split('|')
    .slice(3, -1)
    .map((cell) => cell.trim())
}
