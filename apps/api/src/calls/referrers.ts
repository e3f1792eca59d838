import type { Call, Result } from '../call.ts'

export const listLateReferrers = async ({
  services,
  params,
  query,
}: Call<'listLateReferrers'>): Promise<Result<'listLateReferrers'>> => {
  return { status: 200, body: await services.store.referrers.list(params.id, query) }
}

/** A worker looks; what it finds is in the list. */
export const scanReferrers = async ({
  services,
  params,
}: Call<'scanReferrers'>): Promise<Result<'scanReferrers'>> => {
  await services.store.referrers.ask(params.id)
  return { status: 204 }
}
