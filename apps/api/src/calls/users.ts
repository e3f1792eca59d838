import type { Handle } from '../call.ts'

export const listUsers: Handle<'listUsers'> = async ({ services, query }) => {
  return { status: 200, body: await services.store.accounts.users.list(query) }
}

export const createUser: Handle<'createUser'> = async ({ services, actor, body }) => {
  const { user, password } = await services.store.accounts.users.create(actor, body)
  return { status: 201, body: { ...user, ...(password !== null && { password }) } }
}

export const getUser: Handle<'getUser'> = async ({ services, params }) => {
  return { status: 200, body: await services.store.accounts.users.get(params.name) }
}

export const updateUser: Handle<'updateUser'> = async ({ services, actor, params, body }) => {
  return { status: 200, body: await services.store.accounts.users.patch(actor, params.name, body) }
}

export const deleteUser: Handle<'deleteUser'> = async ({ services, actor, params }) => {
  await services.store.accounts.users.remove(actor, params.name)
  return { status: 204 }
}
