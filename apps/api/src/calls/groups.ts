import type { Handle } from '../call.ts'

export const listGroups: Handle<'listGroups'> = async ({ services, query }) => {
  return { status: 200, body: await services.store.accounts.groups.list(query) }
}

export const createGroup: Handle<'createGroup'> = async ({ services, actor, body }) => {
  return { status: 201, body: await services.store.accounts.groups.create(actor, body) }
}

export const getGroup: Handle<'getGroup'> = async ({ services, params }) => {
  return { status: 200, body: await services.store.accounts.groups.get(params.name) }
}

export const updateGroup: Handle<'updateGroup'> = async ({ services, actor, params, body }) => {
  return { status: 200, body: await services.store.accounts.groups.patch(actor, params.name, body) }
}

export const deleteGroup: Handle<'deleteGroup'> = async ({ services, actor, params }) => {
  await services.store.accounts.groups.remove(actor, params.name)
  return { status: 204 }
}
