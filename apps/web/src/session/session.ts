import { isObject } from '../json.ts'

/** Who is signed in on this browser. Kept for all its tabs: a deep link opens in a new one. */
export type Session = { readonly token: string; readonly expiresAt: string }

const KEY = 'sluice.session'
const listeners = new Set<() => void>()
let current = read()

function read(): Session | null {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(KEY) ?? 'null')
    if (!isObject(kept)) return null
    const { token, expiresAt } = kept
    if (typeof token !== 'string' || typeof expiresAt !== 'string') return null
    return Date.parse(expiresAt) > Date.now() ? { token, expiresAt } : null
  } catch {
    return null
  }
}

function changed(next: Session | null): void {
  current = next
  for (const listener of listeners) listener()
}

// Another tab signed in or out.
addEventListener('storage', ({ key }) => {
  if (key === KEY || key === null) changed(read())
})

export const session = {
  current: (): Session | null => current,
  begin({ token, expiresAt }: Session): void {
    localStorage.setItem(KEY, JSON.stringify({ token, expiresAt }))
    changed({ token, expiresAt })
  },
  /** Signed out, or found expired by the service. */
  end(): void {
    localStorage.removeItem(KEY)
    changed(null)
  },
  subscribe(listener: () => void): () => void {
    listeners.add(listener)
    return () => void listeners.delete(listener)
  },
}
