import { z } from 'zod'
import { feedName, id, name, page } from '../grammar.ts'

/** One call of `/api/v1`. `answers` by status; null is an answer without a body. */
export type Operation = {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Under `/api/v1`, with `{name}` for each of `params`. */
  readonly path: string
  readonly summary: string
  readonly params?: z.ZodObject
  readonly query?: z.ZodObject
  readonly headers?: z.ZodObject
  readonly body?: z.ZodType
  /** Bytes; 1 MiB unless said. */
  readonly bodyLimit?: number
  /** Beside `application/json`. */
  readonly bodyType?: string
  readonly answers: Readonly<Record<number, z.ZodType | null>>
}

export const byName = z.object({ name })
export const byId = z.object({ id })
export const byFeed = z.object({ feed: feedName })
export const paged = z.strictObject(page)
