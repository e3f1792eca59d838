import { randomBytes } from 'node:crypto'
import { createClient, type Client, type Verb } from '@sluice/contract'
import { type Made, makeImage, pushImage } from './image.ts'

export type Where = { readonly url: string; readonly adminPassword: string }
export type Person = { readonly name: string; readonly password: string; readonly client: Client }

const PASSWORD = 'correct horse battery'

/** People of one test file, with names of their own on a service that all files share. */
export async function openScene({ url, adminPassword }: Where) {
  const mark = randomBytes(3).toString('hex')
  const signIn = async (username: string, password: string): Promise<Client> => {
    const { token } = await createClient({ url }).login({ body: { username, password } })
    return createClient({ url, token })
  }
  const admin = await signIn('admin', adminPassword)

  /** Others change grants of the same feeds at the same time. */
  const grant = async (feed: string, principal: string, verbs: readonly Verb[]): Promise<void> => {
    for (;;) {
      const { body, etag } = await admin.send('getGrants', { params: { feed } })
      try {
        await admin.putGrants({
          params: { feed },
          headers: { 'if-match': etag ?? '' },
          body: [...body.items, { principal, verbs: [...verbs] }],
        })
        return
      } catch (error) {
        if (!(error instanceof Error && 'status' in error && error.status === 412)) throw error
      }
    }
  }

  const person = async (role: string, grants: Readonly<Record<string, readonly Verb[]>>): Promise<Person> => {
    const name = `${role}-${mark}`
    await admin.createUser({ body: { username: name, password: PASSWORD } })
    for (const [feed, verbs] of Object.entries(grants)) await grant(feed, `user:${name}`, verbs)
    return { name, password: PASSWORD, client: await signIn(name, PASSWORD) }
  }

  /** Whose password nobody else knows: what takes two persons takes that, too. */
  const alone = async (someone: Person): Promise<Person> => {
    const password = `only ${randomBytes(9).toString('base64url')}`
    await someone.client.changePassword({ body: { current: someone.password, next: password } })
    return { ...someone, password, client: await signIn(someone.name, password) }
  }

  const administrator = async (name: string): Promise<Person> => {
    const made = await person(name, {})
    await admin.updateUser({ params: { name: made.name }, body: { roles: ['admin'] } })
    return alone(made)
  }

  /** A lane; into a trusted feed another administrator confirms it where one must, as other files make some. */
  const lane = async (body: Parameters<typeof admin.createLane>[0]['body']): Promise<string> => {
    const { pending } = await admin.createLane({ body })
    if (pending !== null) {
      const other = await administrator('opal')
      await other.client.confirmLaneChange({ params: { lane: body.name, id: pending.id } })
    }
    return body.name
  }

  /** A trusted feed of this scene alone, with a lane from `dev`. */
  const stage = async (): Promise<{ feed: string; lane: string }> => {
    const feed = `prod-${mark}`
    await admin.createFeed({ body: { name: feed, stage: 'prod', trusted: true } })
    return { feed, lane: await lane({ name: `to-prod-${mark}`, from: 'dev', to: feed }) }
  }

  const push = (by: Person, name: string, tag: string, image: Made): Promise<void> => {
    const authorization = `Basic ${Buffer.from(`${by.name}:${by.password}`).toString('base64')}`
    return pushImage(url, authorization, name, tag, image)
  }

  /** Asked by one, approved by another, and waited for. */
  const promote = async (
    image: string,
    asker: Person,
    approver: Person,
    more: { lane?: string; targetTags?: string[] } = {},
  ): Promise<string> => {
    const { id, digest } = await asker.client.createRequest({
      body: { lane: 'dev-to-trusted', image, ...more },
    })
    await approver.client.decideRequest({
      params: { id },
      body: { decision: 'approve', digest: digest ?? '' },
    })
    for await (const { promotion } of asker.client.watchRequest(id)) {
      if (promotion?.state === 'SUCCEEDED') return id
    }
    throw new Error(`the promotion of ${image} did not succeed`)
  }

  /** What CI found out about the two versions, as its tools write it down. */
  const describe = async (by: Person): Promise<void> => {
    for (const { digest, packages, vulnerability } of findings) {
      const sbom = { bomFormat: 'CycloneDX', specVersion: '1.6', version: 1, components: packages }
      const scan = {
        SchemaVersion: 2,
        CreatedAt: '2026-03-01T09:00:00Z',
        ArtifactName: 'app',
        Metadata: { RepoDigests: [`app@${digest}`] },
        Results: [{ Target: 'app', Vulnerabilities: [vulnerability] }],
      }
      for (const body of [sbom, scan]) await by.client.addEvidence({ query: { digest }, body })
    }
  }

  return {
    url,
    mark,
    describe,
    admin,
    person,
    alone,
    administrator,
    lane,
    stage,
    push,
    promote,
    requester: () => person('rita', { dev: ['pull', 'push'], trusted: ['pull', 'request'] }),
    approver: () => person('anna', { dev: ['pull'], trusted: ['pull', 'approve'] }),
  }
}

export type Scene = Awaited<ReturnType<typeof openScene>>

const base = ['base-layer ', 'runtime-layer ']

/** Two versions of one application: what a release manager compares. */
export const before: Made = makeImage({
  layers: [...base, 'app 1.4.1 '],
  env: ['PATH=/usr/bin', 'LOG_LEVEL=debug', 'FEATURE_OLD=1'],
  labels: {
    'org.opencontainers.image.version': '1.4.1',
    'org.opencontainers.image.source': 'https://git.example/app',
  },
})
export const after: Made = makeImage({
  layers: [...base, 'app 1.4.2 with more in it '],
  env: ['PATH=/usr/bin', 'LOG_LEVEL=info', 'FEATURE_NEW=1'],
  labels: {
    'org.opencontainers.image.version': '1.4.2',
    'org.opencontainers.image.source': 'https://git.example/app',
  },
  command: ['serve', '--port', '8080'],
})

const library = (name: string, version: string) => ({ type: 'library', name, version })

const findings = [
  {
    digest: before.digest,
    packages: [library('zlib', '1.2'), library('openssl', '3.0')],
    vulnerability: {
      VulnerabilityID: 'CVE-2026-0001',
      PkgName: 'openssl',
      InstalledVersion: '3.0',
      FixedVersion: '3.1',
      Severity: 'HIGH',
    },
  },
  {
    digest: after.digest,
    packages: [library('zlib', '1.3'), library('curl', '8.0')],
    vulnerability: {
      VulnerabilityID: 'CVE-2026-0002',
      PkgName: 'curl',
      InstalledVersion: '8.0',
      Severity: 'LOW',
    },
  },
]
