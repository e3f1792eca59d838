// What a release manager has before them: requests that wait, and one that was promoted.
import { randomBytes } from 'node:crypto'
import { call } from '../../scripts/service.mjs'
import { grant } from '../peers.mjs'
import { configOf, makeBlob, manifestOf, mountBlob, pushBlob, putManifest } from '../registry/client.mjs'

const WAITING = 30

/** Makes the people, images and requests; answers the approver's token and a request that waits. */
export async function fill(sluice) {
  const as = {}
  for (const username of ['ci', 'approver']) {
    const password = randomBytes(18).toString('base64url')
    await sluice.call('POST', '/users', { username, password })
    const session = await call(sluice.url, 'POST', '/auth/login', { body: { username, password } })
    const { token } = session
    as[username] = { session, ask: (method, route, body) => call(sluice.url, method, route, { body, token }) }
  }
  await grant(sluice, 'dev', ['pull'], 'user:ci')
  await grant(sluice, 'dev', ['pull'], 'user:approver')
  await grant(sluice, 'trusted', ['pull', 'request'], 'user:ci')
  await grant(sluice, 'trusted', ['pull', 'approve'], 'user:approver')

  const repositories = Array.from({ length: WAITING }, (_, at) => `team/service-${at}`)
  const layers = [makeBlob(100_000), makeBlob(50_000)]
  const config = configOf(layers)
  for (const repository of repositories) {
    for (const blob of [...layers, config]) {
      if (repository === repositories[0]) await pushBlob(sluice, repository, blob)
      else await mountBlob(sluice, repository, repositories[0], blob.digest)
    }
    for (const tag of ['1.0.0', '1.1.0'])
      await putManifest(sluice, repository, tag, manifestOf(config, layers, `${repository}:${tag}`))
  }
  const lane = 'dev-to-trusted'
  const request = (image) => as.ci.ask('POST', '/requests', { lane, image, reason: 'Of the nightly build' })
  const [first] = repositories
  const done = await request(`${first}:1.0.0`)
  await as.approver.ask('POST', `/requests/${done.id}/approvals`, {
    decision: 'approve',
    digest: done.digest,
  })
  while ((await as.ci.ask('GET', `/requests/${done.id}`)).promotion?.finishedAt == null)
    await new Promise((resolve) => setTimeout(resolve, 20))
  const waiting = []
  for (const repository of repositories) waiting.push(await request(`${repository}:1.1.0`))
  return { session: as.approver.session, request: waiting[0].id }
}
