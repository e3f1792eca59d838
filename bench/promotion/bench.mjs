// node bench/promotion/bench.mjs [rounds]: a promotion between hosted feeds beside `skopeo copy` of the same bytes
// between two docker-registry processes whose destination is empty.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { randomBytes } from 'node:crypto'
import { call } from '../../scripts/service.mjs'
import { find, grant, median, startRegistry, startSluice } from '../peers.mjs'
import {
  configOf,
  makeBlob,
  manifestOf,
  mountBlob,
  pushBlob,
  putManifest,
  timed,
} from '../registry/client.mjs'
import { save } from '../results.mjs'

const MB = 1e6
const rounds = Number(process.argv[2] ?? 3)
const HOSTED_ROUNDS = 15
const SIZES = {
  '1 MB': { layers: 1, each: MB },
  '184 MB': { layers: 8, each: 23 * MB },
  '1.5 GB': { layers: 6, each: 250 * MB },
}
const folder = mkdtempSync(path.join(tmpdir(), 'sluice-bench-'))
const [dockerRegistry, skopeo] = [find('docker-registry'), find('skopeo')]
const beside = dockerRegistry !== undefined && skopeo !== undefined
const sluice = await startSluice()
const source = beside ? await startRegistry(dockerRegistry, path.join(folder, 'source')) : undefined
const destination = beside ? await startRegistry(dockerRegistry, path.join(folder, 'destination')) : undefined

// Neither is the administrator: nobody approves a request of who set their password.
const as = {}
for (const username of ['ci', 'approver']) {
  const password = randomBytes(18).toString('base64url')
  await sluice.call('POST', '/users', { username, password })
  const { token } = await call(sluice.url, 'POST', '/auth/login', { body: { username, password } })
  as[username] = (method, route, body) => call(sluice.url, method, route, { body, token })
}
await grant(sluice, 'dev', ['pull'], 'user:ci')
await grant(sluice, 'trusted', ['pull', 'request'], 'user:ci')
await grant(sluice, 'trusted', ['pull', 'approve'], 'user:approver')

/** The image in as many repositories of dev as there are rounds: what is promoted must be new to trusted. */
async function pushImage(contender, name, { layers, each }, repositories) {
  const blobs = Array.from({ length: layers }, () => makeBlob(each))
  blobs.push(configOf(blobs))
  const [config, content] = [blobs.at(-1), blobs.slice(0, -1)]
  const bytes = manifestOf(config, content, name)
  for (const blob of blobs) await pushBlob(contender, repositories[0], blob)
  for (const repository of repositories) {
    if (repository !== repositories[0]) {
      for (const { digest } of blobs) await mountBlob(contender, repository, repositories[0], digest)
    }
    await putManifest(contender, repository, '1.0.0', bytes)
  }
}

async function promote(repository) {
  const lane = 'dev-to-trusted'
  const request = await as.ci('POST', '/requests', { lane, image: `${repository}:1.0.0`, reason: 'bench' })
  const { seconds } = await timed(async () => {
    await as.approver('POST', `/requests/${request.id}/approvals`, {
      decision: 'approve',
      digest: request.digest,
    })
    await ended(request.id)
  })
  const { promotion } = await as.ci('GET', `/requests/${request.id}`)
  if (promotion.state !== 'SUCCEEDED') throw new Error(JSON.stringify(promotion))
  return {
    ran: new Date(promotion.finishedAt) - new Date(promotion.startedAt),
    fromApproval: seconds * 1000,
  }
}

async function ended(id) {
  for (;;) {
    const { promotion } = await as.ci('GET', `/requests/${id}`)
    if (promotion?.finishedAt) return
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

async function copy(repository) {
  rmSync(path.join(destination.folder, 'docker'), { recursive: true, force: true })
  const flags = ['--src-tls-verify=false', '--dest-tls-verify=false']
  const [from, to] = [source, destination].map(({ host }) => `docker://${host}/${repository}:1.0.0`)
  const child = spawn(skopeo, ['copy', '-q', '--all', ...flags, from, to], { stdio: 'ignore' })
  const [code] = await once(child, 'exit')
  if (code !== 0) throw new Error(`skopeo ended with ${code}`)
}

try {
  const sizes = []
  for (const [size, image] of Object.entries(SIZES)) {
    const name = size.toLowerCase().replaceAll(/[^a-z0-9]/g, '')
    const repositories = Array.from({ length: HOSTED_ROUNDS }, (_, i) => `bench/${name}-${i}`)
    await pushImage(sluice, name, image, repositories)
    const hosted = []
    const copies = []
    if (beside) await pushImage(source, name, image, [`bench/${name}`])
    for (let round = 0; round < HOSTED_ROUNDS; round++) {
      hosted.push(await promote(repositories[round]))
      if (beside && round < rounds) copies.push((await timed(() => copy(`bench/${name}`))).seconds * 1000)
    }
    const of = (key) => hosted.map((one) => one[key])
    const found = {
      size,
      ran: median(of('ran')),
      fromApproval: median(of('fromApproval')),
      skopeo: beside ? median(copies) : null,
      values: { ran: of('ran'), fromApproval: of('fromApproval'), skopeo: copies },
    }
    sizes.push(found)
    process.stdout.write(
      `promotion of ${size}, ms: start to commit ${found.ran} · approval to SUCCEEDED ${found.fromApproval.toFixed(0)} · skopeo copy ${found.skopeo?.toFixed(0)}\n`,
    )
  }
  save('promotion', { rounds, hostedRounds: HOSTED_ROUNDS, sizes })
} finally {
  for (const contender of [sluice, source, destination]) await contender?.stop()
  rmSync(folder, { recursive: true, force: true })
}
