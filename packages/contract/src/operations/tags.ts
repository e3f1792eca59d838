import { repositories, repositoriesQuery } from '../repositories.ts'
import { stages, stagesQuery } from '../stages.ts'
import {
  restoreBody,
  restored,
  tagHistory,
  tagHistoryQuery,
  tagMoves,
  tagMovesQuery,
  tags,
  tagsQuery,
} from '../tags.ts'
import { byFeed, type Operation } from './operation.ts'

/** What feeds hold: repositories, tags and their moves. */
export const tagCalls = {
  listRepositories: {
    method: 'GET',
    path: '/feeds/{feed}/repositories',
    summary: 'Repositories of a feed',
    params: byFeed,
    query: repositoriesQuery,
    answers: { 200: repositories },
  },
  listTags: {
    method: 'GET',
    path: '/feeds/{feed}/tags',
    summary: 'Tags of a repository in version order',
    params: byFeed,
    query: tagsQuery,
    answers: { 200: tags },
  },
  listTagHistory: {
    method: 'GET',
    path: '/feeds/{feed}/tags/history',
    summary: 'Every move of a tag, newest first; with `at`, what it pointed at then',
    params: byFeed,
    query: tagHistoryQuery,
    answers: { 200: tagHistory },
  },
  listStages: {
    method: 'GET',
    path: '/stages',
    summary: 'Which version of each repository stands in which feed',
    query: stagesQuery,
    answers: { 200: stages },
  },
  listTagMoves: {
    method: 'GET',
    path: '/tag-moves',
    summary: 'Every move of every tag, newest first',
    query: tagMovesQuery,
    answers: { 200: tagMoves },
  },
  restoreTag: {
    method: 'POST',
    path: '/feeds/{feed}/tags/restore',
    summary: 'Point a tag at a digest that it was on before: a new move',
    params: byFeed,
    body: restoreBody,
    answers: { 200: restored },
  },
} as const satisfies Record<string, Operation>
