import { CallError, type Client, clientOf } from '@sluice/contract'
import { calls } from './calls.ts'
import { session } from './session.ts'

const clients = new Map<string, Client>()

/** The typed client with the credential of whoever is signed in now. */
export function client(): Client {
  const token = session.current()?.token ?? ''
  const known = clients.get(token)
  if (known !== undefined) return known
  clients.clear()
  const made = clientOf(calls(), {
    url: location.origin,
    ...(token !== '' && { token }),
    fetch: (input, init) => authorised(token, input, init),
  })
  clients.set(token, made)
  return made
}

/** A fetch whose 401 ends the session it was made with, and no later one. */
async function authorised(token: string, input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
  const response = await fetch(input, init)
  if (response.status === 401 && token !== '' && session.current()?.token === token) session.end()
  return response
}

/** Reads from the registry API of this host, which knows the same token. */
export async function fetchContent(path: string, accept: string, signal: AbortSignal): Promise<Response> {
  const token = session.current()?.token ?? ''
  const headers = { accept, authorization: `Bearer ${token}` }
  return fetch(`/v2/${path}`, { headers, signal, redirect: 'error' })
}

export const statusOf = (error: unknown): number | null => (error instanceof CallError ? error.status : null)

/** What went wrong in words for the person at the screen. */
export function messageOf(error: unknown): string {
  if (error instanceof CallError && error.code === 'unreachable') return 'The service does not answer.'
  return error instanceof Error ? error.message : String(error)
}

/** What the service says about one field of a form, by its path. */
export function fieldErrorsOf(error: unknown): ReadonlyMap<string, string> {
  const errors = error instanceof CallError ? (error.problem?.errors ?? []) : []
  return new Map(errors.map(({ field, message }) => [field, message]))
}
