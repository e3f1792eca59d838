import { randomBytes } from 'node:crypto'
import { expect } from 'vitest'
import { basic, PASSWORD, pushImage, startTestService } from './test-service.ts'

export const fresh = (word: string) => `${word}-${randomBytes(4).toString('hex')}`
export const credentials = { type: 'basic', username: 'puller', password: PASSWORD }

/** The registry elsewhere is another Sluice, with accounts of its own: challenges and tokens are real. */
export async function openRemote() {
  const far = await startTestService()
  const near = await startTestService()
  await far.person('puller', { dev: ['pull'] })

  const make = async (over: object = {}, feed: object = {}) => {
    const name = fresh('far')
    const remote = { url: far.url, prefix: 'dev', credentials, plainHttp: 'loopback', ...over }
    const body = { name, kind: 'remote', stage: 'far', remote, ...feed }
    const made = await near.call('createFeed', near.admin, { body })
    expect(made.status).toBe(201)
    return made.body
  }

  const pushThere = (repository: string, tag: string) =>
    pushImage(far.url, `dev/${repository}`, tag, {
      content: randomBytes(8).toString('hex'),
      authorization: basic('admin'),
    })

  const close = async () => {
    await near[Symbol.asyncDispose]()
    await far[Symbol.asyncDispose]()
  }
  return { far, near, make, pushThere, close }
}

export type Remote = Awaited<ReturnType<typeof openRemote>>
