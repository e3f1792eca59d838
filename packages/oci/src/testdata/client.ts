import type { RegistryOptions } from '../client/options.ts'
import { openRegistry, type Registry } from '../client/registry.ts'
import { fakeRegistry } from './registry.ts'

export const limits = { attempts: 3, firstBackoffMs: 1, longestBackoffMs: 2, headMs: 500 }
export const basicCredentials = { type: 'basic', username: 'ci', password: 's3cret' } as const
export const basic = `Basic ${Buffer.from('ci:s3cret').toString('base64')}`

/** A registry in memory, another beside it, and clients of the first that give up soon. */
export async function openPair() {
  const [fake, other] = await Promise.all([fakeRegistry(), fakeRegistry()])
  const opened: Registry[] = []
  return {
    fake,
    other,
    open(more: Partial<RegistryOptions> = {}): Registry {
      const registry = openRegistry({ baseUrl: fake.url, plainHttp: 'loopback', limits, ...more })
      opened.push(registry)
      return registry
    },
    async close(): Promise<void> {
      for (const registry of opened) registry.close()
      await Promise.all([fake.close(), other.close()])
    },
  }
}

export type Pair = Awaited<ReturnType<typeof openPair>>
