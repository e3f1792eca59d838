import { OciError, RegistryError } from '@sluice/oci'
import { StoreError } from '../errors.ts'
import { connectTo, nameThere } from './connect.ts'
import { asRemoteError } from './failure.ts'
import type { RemoteAccess } from './settings.ts'

/** What came of trying to reach a registry. */
export interface Tried {
  readonly ok: boolean
  readonly host: string
  /** In the order they were tried; the first that fails is the last. */
  readonly steps: readonly { readonly step: string; readonly ok: boolean; readonly message: string }[]
  readonly message: string
}

/** Milliseconds. */
const PATIENCE_MS = 20_000

/**
 * Tries to reach a registry as a promotion would, and says in words how far it came: address, sign-in, and that a
 * repository may be read. On connections of its own, so that nothing remembered hides a mistake. Never rejects
 * for what the registry does.
 */
export async function tryConnection(access: RemoteAccess, repository?: string): Promise<Tried> {
  const { feed, options } = access
  const { host } = new URL(options.baseUrl)
  const steps: { step: string; ok: boolean; message: string }[] = []
  const signal = AbortSignal.timeout(PATIENCE_MS)
  const step = async (name: string, act: () => Promise<string>): Promise<void> => {
    try {
      steps.push({ step: name, ok: true, message: await act() })
    } catch (error) {
      if (error instanceof RegistryError || error instanceof OciError) {
        steps.push({ step: name, ok: false, message: error.message })
      }
      throw error
    }
  }
  const connected = connectTo(access)
  try {
    await step('connect', async () => {
      await connected.registry.ping(signal)
      const how =
        options.credentials === undefined
          ? 'answers without credentials'
          : 'answers and takes the credentials'
      return `${host} ${how}`
    })
    if (repository !== undefined) {
      await step('read', async () => {
        const names = await connected.repository(repository).listTags(signal).next()
        const there = nameThere(access, repository)
        return names.done === true ? `${there} has no tags there` : `the tags of ${there} may be read`
      })
    }
    return { ok: true, host, steps, message: `the feed ${feed} can be used` }
  } catch (error) {
    const told = asRemoteError(error, feed)
    if (!(told instanceof StoreError)) throw error
    return { ok: false, host, steps, message: told.message }
  } finally {
    connected.registry.close()
  }
}
