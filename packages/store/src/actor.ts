/** Who acts, with what it showed; made by `accounts`, handed to every command. */
export interface Actor {
  readonly principalId: string
  readonly kind: 'person' | 'robot'
  readonly name: string
  readonly personId: string | null
  /** Every person who counts as this actor: itself, and the owner of the token. */
  readonly answerable: readonly string[]
  readonly roles: readonly Role[]
  readonly tokenId: string | null
  /** `*`, `<verb>:<feedId>` or `report:<siteId>`. */
  readonly scopes: readonly string[]
  /** Until it is changed, the roles are withheld and `grantsOf` gives what anyone has. */
  readonly mustChangePassword: boolean
}

export type Role = 'admin' | 'auditor'

export const ROLES: readonly Role[] = ['admin', 'auditor']

/** As entries name it. */
export function actorOf(actor: Actor): string {
  return `${actor.kind}:${actor.principalId}`
}
