import type { SiteView } from '@sluice/store'
import { pullFeedIds, seesEverySite } from '../access.ts'
import type { Call, Caller, Handle, Result } from '../call.ts'

export const listSites: Handle<'listSites'> = async (call) => {
  const { items, next } = await call.services.store.sites.list(await readerOf(call), call.query)
  return { status: 200, body: { items: items.map((site) => shown(site, call)), next } }
}

export const createSite: Handle<'createSite'> = async (call) => {
  return { status: 201, body: shown(await call.services.store.sites.create(call.actor, call.body), call) }
}

export const getSite: Handle<'getSite'> = async (call) => {
  const site = await call.services.store.sites.get(await readerOf(call), call.params.site)
  return { status: 200, body: shown(site, call) }
}

export const updateSite: Handle<'updateSite'> = async (call) => {
  const { services, actor, params, body } = call
  return { status: 200, body: shown(await services.store.sites.patch(actor, params.site, body), call) }
}

export const deleteSite: Handle<'deleteSite'> = async ({ services, actor, params }) => {
  await services.store.sites.remove(actor, params.site)
  return { status: 204 }
}

export const reportRunning = async (
  { services, actor, body }: Call<'reportRunning'>,
  { id }: { id: string },
): Promise<Result<'reportRunning'>> => {
  return { status: 200, body: await services.store.sites.report(actor, id, body) }
}

export const listRunning: Handle<'listRunning'> = async (call) => {
  const { past, ...query } = call.query
  const filter = { ...query, past: past === 'true' }
  const { items, next } = await call.services.store.sites.running(await readerOf(call), filter)
  const rows = items.map((row) => ({ ...row, images: [...row.images], repositories: [...row.repositories] }))
  return { status: 200, body: { items: rows, next } }
}

/**
 * The roles see every report whole. A reporter sees its own sites' whole; others what runs of the feeds that they may
 * pull from (invariant 11).
 */
async function readerOf({ services, actor, grants }: Caller) {
  const siteIds = (await services.store.sites.reporting(actor)).map(({ id }) => id)
  return { whole: seesEverySite(actor), feedIds: pullFeedIds(grants), siteIds }
}

function shown(site: SiteView, { actor }: Caller) {
  return { ...site, reporters: seesEverySite(actor) ? [...site.reporters] : null }
}
