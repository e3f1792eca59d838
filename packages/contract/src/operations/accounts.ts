import { loginBody, passwordChange, session } from '../auth.ts'
import { group, groupBody, groupPatch, groups } from '../groups.ts'
import { me } from '../me.ts'
import { newToken, tokenBody, tokens } from '../tokens.ts'
import { newUser, user, userBody, userPatch, users } from '../users.ts'
import { byId, byName, type Operation, paged } from './operation.ts'

/** Signing in; people, groups and tokens. */
export const accountCalls = {
  login: {
    method: 'POST',
    path: '/auth/login',
    summary: 'Sign in with user name and password',
    body: loginBody,
    answers: { 200: session },
  },
  logout: {
    method: 'POST',
    path: '/auth/logout',
    summary: 'Sign out: the token that asks ends',
    answers: { 204: null },
  },
  getMe: { method: 'GET', path: '/me', summary: 'Who am I, with my grants', answers: { 200: me } },
  changePassword: {
    method: 'POST',
    path: '/me/password',
    summary: 'Change my password',
    body: passwordChange,
    answers: { 204: null },
  },
  listUsers: {
    method: 'GET',
    path: '/users',
    summary: 'List users',
    query: paged,
    answers: { 200: users },
  },
  createUser: {
    method: 'POST',
    path: '/users',
    summary: 'Create a user; a password that is generated is shown once',
    body: userBody,
    answers: { 201: newUser },
  },
  getUser: {
    method: 'GET',
    path: '/users/{name}',
    summary: 'One user',
    params: byName,
    answers: { 200: user },
  },
  updateUser: {
    method: 'PATCH',
    path: '/users/{name}',
    summary: 'Change a user',
    params: byName,
    body: userPatch,
    answers: { 200: user },
  },
  deleteUser: {
    method: 'DELETE',
    path: '/users/{name}',
    summary: 'Disable a user; what the user did stays recorded',
    params: byName,
    answers: { 204: null },
  },
  listGroups: {
    method: 'GET',
    path: '/groups',
    summary: 'List groups',
    query: paged,
    answers: { 200: groups },
  },
  createGroup: {
    method: 'POST',
    path: '/groups',
    summary: 'Create a group',
    body: groupBody,
    answers: { 201: group },
  },
  getGroup: {
    method: 'GET',
    path: '/groups/{name}',
    summary: 'One group',
    params: byName,
    answers: { 200: group },
  },
  updateGroup: {
    method: 'PATCH',
    path: '/groups/{name}',
    summary: 'Replace the members of a group',
    params: byName,
    body: groupPatch,
    answers: { 200: group },
  },
  deleteGroup: {
    method: 'DELETE',
    path: '/groups/{name}',
    summary: 'Remove a group and its grants',
    params: byName,
    answers: { 204: null },
  },
  listTokens: {
    method: 'GET',
    path: '/tokens',
    summary: 'My API tokens',
    query: paged,
    answers: { 200: tokens },
  },
  createToken: {
    method: 'POST',
    path: '/tokens',
    summary: 'Create an API token; its secret is shown once',
    body: tokenBody,
    answers: { 201: newToken },
  },
  revokeToken: {
    method: 'DELETE',
    path: '/tokens/{id}',
    summary: 'Revoke an API token',
    params: byId,
    answers: { 204: null },
  },
} as const satisfies Record<string, Operation>
