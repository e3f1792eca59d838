import type { IncomingMessage } from 'node:http'
import type { Caller as FeedCaller } from '@sluice/feed'
import type { Actor } from '@sluice/store'
import { has, pullFeedIds } from '../access.ts'
import { addressOf } from '../address.ts'
import type { Grants } from '../call.ts'
import { readCredential } from '../credential.ts'
import type { Services } from '../services.ts'
import type { Claims } from './token.ts'

/**
 * Who sends a request to `/v2`: by Basic (password or API token), by API token or by registry token.
 * @throws ApiError and StoreError rate_limited
 */
export async function registryCaller(
  services: Services,
  readToken: (text: string) => Claims | null,
  req: IncomingMessage,
): Promise<FeedCaller | 'invalid'> {
  const caller = await callerOf(services, readToken, req)
  if (caller === 'invalid' || caller.principalId === null) {
    await services.flood(addressOf(req, services.publicUrl !== undefined))
  }
  return caller
}

async function callerOf(
  services: Services,
  readToken: (text: string) => Claims | null,
  req: IncomingMessage,
): Promise<FeedCaller | 'invalid'> {
  const { accounts } = services.store
  const credential = readCredential(req.headers.authorization)
  if (credential.kind === 'malformed') return 'invalid'
  if (credential.kind === 'none') return byGrants(services, null)
  if (credential.kind === 'basic') {
    const address = addressOf(req, services.publicUrl !== undefined)
    const actor = await accounts.byPassword(credential.username, credential.secret, address)
    return actor === null ? 'invalid' : byGrants(services, actor)
  }
  const claims = readToken(credential.secret)
  if (claims !== null) return byClaims(services, claims)
  const actor = await accounts.byToken(credential.secret)
  return actor === null ? 'invalid' : byGrants(services, actor)
}

/** Grants are looked at as they are now, once a request. */
async function byGrants({ store }: Services, actor: Actor | null): Promise<FeedCaller> {
  const grants = await store.accounts.grantsOf(actor)
  return {
    principalId: actor?.principalId ?? null,
    may: async ({ feed }, verb) => {
      if (has(grants, feed.id, verb)) return 'allowed'
      if (actor === null) return 'unauthorized'
      const reaches = actor.scopes.includes('*') || actor.scopes.includes(`${verb}:${feed.id}`)
      return reaches ? 'denied' : 'unauthorized'
    },
    readableFeedIds: async () => pullFeedIds(grants),
  }
}

/**
 * What the token says it may read, it may read while it lives; a write is asked of the grants as they are now,
 * and so is the reason why something is refused.
 */
function byClaims({ store }: Services, { principalId, tokenId, access }: Claims): FeedCaller {
  const live = async (): Promise<Grants | null> => {
    if (principalId === null) return store.accounts.grantsOf(null)
    const actor = await store.accounts.byPrincipal({ principalId, tokenId })
    return actor === null ? null : store.accounts.grantsOf(actor)
  }
  return {
    principalId,
    async may({ feed, repository }, verb) {
      const said = access.some(
        (one) =>
          one.type === 'repository' &&
          one.feed === feed.id &&
          one.name.slice(one.name.indexOf('/') + 1) === repository &&
          one.actions.includes(verb),
      )
      if (said && verb === 'pull') return 'allowed'
      const grants = await live()
      if (grants === null || principalId === null) return 'unauthorized'
      if (!has(grants, feed.id, verb)) return 'denied'
      return said ? 'allowed' : 'unauthorized'
    },
    async readableFeedIds() {
      const feedIds = pullFeedIds((await live()) ?? new Map())
      if (access.some(({ type }) => type === 'registry')) return feedIds
      const said = access.flatMap((one) =>
        one.type === 'repository' && one.actions.includes('pull') ? one.feed : [],
      )
      return feedIds.filter((feedId) => said.includes(feedId))
    },
  }
}
