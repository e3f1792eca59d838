import { randomBytes } from 'node:crypto'
import type { TestProject } from 'vitest/node'
import { startService } from '../../scripts/service.mjs'

/** What the tests of a run share: one service, a group of those who push and request, and one who approves. */
export type Shared = {
  readonly url: string
  readonly adminPassword: string
  /** The members may pull and push `dev`, pull `trusted`, and request promotions into it. */
  readonly group: string
  readonly approver: { readonly username: string; readonly password: string }
}

declare module 'vitest' {
  interface ProvidedContext {
    sluice: Shared
  }
}

/** One service for all clients, as `npm start` runs it. Needs the build that `npm run test:clients` makes. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const service = await startService()
  try {
    const approver = { username: 'approver', password: randomBytes(18).toString('base64url') }
    const group = 'clients'
    await service.call('POST', '/users', approver)
    await service.call('POST', '/groups', { name: group, members: [] })
    const grants = {
      dev: [
        { principal: `group:${group}`, verbs: ['pull', 'push'] },
        { principal: 'user:approver', verbs: ['pull'] },
      ],
      trusted: [
        { principal: `group:${group}`, verbs: ['pull', 'request'] },
        { principal: 'user:approver', verbs: ['pull', 'approve'] },
      ],
    }
    for (const [feed, added] of Object.entries(grants)) {
      const { items } = await service.call('GET', `/feeds/${feed}/grants`)
      await service.call('PUT', `/feeds/${feed}/grants`, [...items, ...added])
    }
    const { url, adminPassword } = service
    project.provide('programs', true)
    project.provide('sluice', { url, adminPassword, group, approver })
    return service.stop
  } catch (error) {
    await service.stop()
    throw error
  }
}
