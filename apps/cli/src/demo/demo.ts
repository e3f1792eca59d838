import { CallError, type Client, createClient } from '@sluice/contract'
import { CliError } from '../errors.ts'
import { silent } from '../follow.ts'
import { waitForEnd } from '../wait.ts'
import { buildImage } from './image.ts'
import { enter, leave, type Person } from './people.ts'
import { pull, push, type Repository, send } from './registry.ts'

export type Options = {
  readonly url: string
  readonly adminPassword: string
  /** Names this run's persons and tag. */
  readonly run: string
  /** One line a step that went as it must. */
  readonly say: (step: string, detail: string) => void
}

const lane = 'dev-to-trusted'
const repository = 'demo/hello'
const waitMs = 60_000

/** The whole path once, as outsiders walk it. @throws CliError saying what was expected and what came */
export async function demo({ url, adminPassword, run, say }: Options): Promise<void> {
  const tag = `1.0.0-demo.${run}`
  const admin = await signIn(url, { name: 'admin', password: adminPassword })
  const cast = await enter(admin, run)
  try {
    say('made two persons', `${cast.ci.name} and ${cast.approver.name}`)
    const [ci, approver] = [await signIn(url, cast.ci), await signIn(url, cast.approver)]
    const dev = place(url, 'dev', cast.ci)
    const trusted = place(url, 'trusted', cast.ci)

    const image = buildImage(`Hello from Sluice, run ${run}\n`)
    say('built an image', image.digest)
    await push(dev, image, tag)
    say('pushed it to dev', `dev/${repository}:${tag}`)

    const direct = await send(trusted, 'POST', 'blobs/uploads/')
    expect('a direct push to trusted', direct.status, 403)
    say('a push to trusted is refused', `${direct.status} ${await firstCode(direct)}`)

    const body = { lane, image: `${repository}:${tag}`, reason: 'npm run demo' }
    const request = await ci.createRequest({ body })
    expect('the digest that the request pins', request.digest, image.digest)
    say(`${cast.ci.name} requests`, `${request.id}, ${lane}`)

    const params = { id: request.id }
    const approval = { decision: 'approve', digest: image.digest, comment: 'npm run demo' } as const
    const own = await refusal(ci.decideRequest({ params, body: approval }))
    expect('approving the own request', own, '403 self_approval')
    say('self-approval is refused', own)

    await approver.decideRequest({ params, body: approval })
    say(`${cast.approver.name} approves`, 'bound to the digest, tags and policy')

    const begun = Date.now()
    const ended = await waitForEnd(ci, request.id, { timeoutMs: waitMs, follower: silent })
    const { promotion } = ended
    const how = promotion?.error?.message ?? ''
    expect('the promotion', `${promotion?.state ?? ended.state} ${how}`.trim(), 'SUCCEEDED')
    say('promoted', `in ${Date.now() - begun} ms: ${promotion?.steps.map(({ name }) => name).join(', ')}`)

    const digests = image.blobs.map(({ digest }) => digest)
    const pulled = await pull(trusted, tag, digests)
    expect('the manifest in trusted', pulled.manifest, image.digest)
    expect('the blobs in trusted', pulled.blobs.join(' '), digests.join(' '))
    say('pulled it from trusted', `trusted/${repository}:${tag}`)
    say('the digests are the same', pulled.manifest)

    const verdict = await ci.verify({ body: { image: `trusted/${repository}:${tag}` } })
    expect('who let it in', verdict.admission?.approvers.join(' '), cast.approver.name)
    say('Sluice says who let it in', `${cast.approver.name}, for ${verdict.admission?.requester}`)
  } finally {
    await leave(admin, cast)
  }
  say('both persons are disabled', 'what they did stays recorded')
}

async function signIn(url: string, { name, password }: Person): Promise<Client> {
  const { token } = await createClient({ url }).login({ body: { username: name, password } })
  return createClient({ url, token })
}

const place = (url: string, feed: string, { name, password }: Person): Repository => ({
  url,
  name: `${feed}/${repository}`,
  user: name,
  password,
})

function expect(what: string, actual: unknown, wanted: unknown): void {
  if (actual === wanted) return
  throw new CliError('failed', `${what}: expected ${String(wanted)}, got ${String(actual)}`)
}

/** How a call was refused; that it was not is told as such. */
async function refusal(call: Promise<unknown>): Promise<string> {
  try {
    await call
    return 'accepted'
  } catch (error) {
    if (error instanceof CallError && error.problem !== null) return `${error.status} ${error.problem.code}`
    throw error
  }
}

async function firstCode(response: Response): Promise<string> {
  return /"code":\s*"([A-Z_]+)"/.exec(await response.text())?.[1] ?? ''
}
