import type { Lane, Request } from '@sluice/contract'
import { useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { keepRequest } from './query.ts'

/** What a new request leads to: its own screen. */
export function useOpened() {
  const navigate = useNavigate()
  const queries = useQueryClient()
  return async (request: Request) => {
    keepRequest(queries, request)
    await navigate({ to: '/requests/$id', params: { id: request.id }, search: {} })
  }
}

export const laneChoices = (lanes: readonly Lane[]) =>
  lanes.map(({ name, from, to }) => ({ value: name, label: `${name} (${from} → ${to})` }))
