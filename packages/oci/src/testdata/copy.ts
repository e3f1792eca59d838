import type { ClientLimits } from '../client/options.ts'
import { openRegistry, type Registry } from '../client/registry.ts'
import { copyGraph, type CopyOptions } from '../copy/copy.ts'
import { verifyGraph } from '../copy/verify.ts'
import { type FakeRegistry, fakeRegistry } from './registry.ts'

type Root = { readonly digest: string; readonly mediaType: string }

const limits: Partial<ClientLimits> = {
  headMs: 2000,
  finishMs: 300,
  stallMs: 200,
  attempts: 4,
  firstBackoffMs: 1,
  longestBackoffMs: 5,
  longestRetryAfterMs: 2000,
}

const opened: Registry[] = []

/** By a client that gives up soon; `closeEnds` closes it. */
export function open(at: FakeRegistry): Registry {
  const registry = openRegistry({ baseUrl: at.url, plainHttp: 'loopback', limits })
  opened.push(registry)
  return registry
}

export const openEnds = () => Promise.all([fakeRegistry(), fakeRegistry()])

export async function closeEnds(...ends: readonly FakeRegistry[]): Promise<void> {
  for (const registry of opened.splice(0)) registry.close()
  await Promise.all(ends.map((end) => end.close()))
}

/** From `team/app` of the one to `prod/app` of the other. */
export function copyBetween(from: FakeRegistry, to: FakeRegistry, root: Root, more: Partial<CopyOptions>) {
  const source = open(from).repository('team/app')
  const destination = open(to).repository('prod/app', 'pull,push')
  return copyGraph({ source, destination, root, ...more })
}

export const verifyAt = (to: FakeRegistry, root: Root) =>
  verifyGraph({ registry: open(to).repository('prod/app'), root })

export const sentTo = (to: FakeRegistry, method: string, part: string): string[] =>
  to.log.filter((line) => line.startsWith(method) && line.includes(part))
