import { randomUUID } from 'node:crypto'
import jwt from 'jsonwebtoken'
import type { TokenKey } from './key.ts'
import type { Action } from './scope.ts'

/** Seconds. A read that was granted may live on for so long after the grant is gone; writes are asked again. */
export const TOKEN_LIFE = 300

/** What a token lets do. The feed's id is bound: the name may come to mean another feed. */
export type Access =
  | {
      readonly type: 'repository'
      readonly name: string
      readonly actions: readonly Action[]
      readonly feed: string
    }
  | { readonly type: 'registry'; readonly name: 'catalog'; readonly actions: readonly ['*'] }

export type Claims = {
  /** Null for the anonymous. */
  readonly principalId: string | null
  /** The API token it was asked for with: it ends with that one. */
  readonly tokenId: string | null
  readonly access: readonly Access[]
}

/** A registry token: ES256, for this instance alone. Token specification, "Token Format". */
export function signToken(
  { principalId, tokenId, access }: Claims,
  { key, instance, name, now = new Date() }: { key: TokenKey; instance: string; name: string; now?: Date },
): string {
  const iat = Math.floor(now.getTime() / 1000)
  return jwt.sign(
    {
      iss: instance,
      aud: instance,
      sub: name,
      iat,
      // A client's clock may be behind ours by so much.
      nbf: iat - 10,
      exp: iat + TOKEN_LIFE,
      jti: randomUUID(),
      access,
      pid: principalId,
      tid: tokenId,
    },
    key.secret,
    { algorithm: 'ES256', keyid: key.id },
  )
}

const TEXT_LIMIT = 16_384

/** Tokens whose signature was checked. */
const REMEMBERED = 1_000

type Verified = { readonly claims: Claims; readonly exp: number }

/**
 * Reads tokens: the claims of one that a key of `keys` signed for this instance and that is in force; null for any
 * other. A token is shown with every request while it lives, so that its signature is checked once; its end each time.
 */
export function tokenReader(
  parts: { readonly keys: readonly TokenKey[]; readonly instance: string },
  now = Date.now,
): (text: string) => Claims | null {
  const remembered = new Map<string, Verified>()
  return (text) => {
    const known = remembered.get(text)
    if (known !== undefined) {
      if (now() / 1000 < known.exp) return known.claims
      remembered.delete(text)
      return null
    }
    const verified = verify(text, parts, Math.floor(now() / 1000))
    if (verified === null) return null
    for (const [oldest] of remembered) {
      if (remembered.size < REMEMBERED) break
      remembered.delete(oldest)
    }
    remembered.set(text, verified)
    return verified.claims
  }
}

/** Algorithm, issuer and audience are ours to say; a key, or a place to find one, in the token is not looked at. */
function verify(
  text: string,
  { keys, instance }: { keys: readonly TokenKey[]; instance: string },
  clockTimestamp: number,
): Verified | null {
  if (text.length > TEXT_LIMIT) return null
  try {
    const kid = jwt.decode(text, { complete: true })?.header.kid
    const key = keys.find(({ id }) => id === kid)
    if (key === undefined) return null
    const claims = jwt.verify(text, key.public, {
      algorithms: ['ES256'],
      issuer: instance,
      audience: instance,
      clockTimestamp,
    })
    if (typeof claims === 'string' || claims.exp === undefined) return null
    // Signed by us: they have the form that signToken gave them.
    const { pid, tid, access } = claims
    return { claims: { principalId: pid, tokenId: tid, access }, exp: claims.exp }
  } catch {
    return null
  }
}
