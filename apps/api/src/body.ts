import type { IncomingMessage } from 'node:http'
import { nestsDeeper } from '@sluice/oci'
import express, { type Request, type RequestHandler, type Response } from 'express'
import { ApiError } from './problem.ts'

/** 1 MiB. */
const BODY_LIMIT = 1_048_576
/** Levels of JSON. */
const DEPTH_LIMIT = 128

const parsers = new Map<number, RequestHandler>()

function parserOf(limit: number): RequestHandler {
  const known = parsers.get(limit)
  if (known !== undefined) return known
  const made = express.json({
    limit,
    inflate: false,
    strict: true,
    // Which types are taken is looked at before.
    type: () => true,
    verify: (req, _res, bytes) => {
      if (nestsDeeper(bytes, DEPTH_LIMIT)) {
        const message = `the body nests deeper than ${DEPTH_LIMIT} levels`
        throw new ApiError('invalid', message, { errors: [{ field: '', rule: 'depth', message }] })
      }
      received.set(req, bytes)
    },
  })
  parsers.set(limit, made)
  return made
}

/** What a body was before it was parsed: signatures and evidence are over bytes. */
const received = new WeakMap<object, Buffer>()

/**
 * The JSON body of a call that needs one, with the bytes it came as. `limit` in bytes; `type` is taken beside
 * `application/json`.
 * @throws ApiError unsupported_media_type, invalid; the parser's own error, which errors.ts knows
 */
export async function readBody(
  req: Request,
  res: Response,
  { limit = BODY_LIMIT, type }: { limit?: number | undefined; type?: string | undefined } = {},
): Promise<{ value: unknown; bytes: Buffer }> {
  const length = req.headers['content-length']
  const empty = req.headers['transfer-encoding'] === undefined && (length === undefined || length === '0')
  if (empty) {
    const message = 'this call needs a JSON body'
    throw new ApiError('invalid', message, { errors: [{ field: '', rule: 'required', message }] })
  }
  const types = ['application/json', ...(type === undefined ? [] : [type])]
  if (req.is(types) === false) {
    throw new ApiError('unsupported_media_type', `send the body as ${types.join(' or ')}`)
  }
  endIfSlow(req, limit)
  await new Promise<void>((resolve, reject) => {
    parserOf(limit)(req, res, (error?: unknown) => (error === undefined ? resolve() : reject(error)))
  })
  return { value: req.body, bytes: received.get(req) ?? Buffer.alloc(0) }
}

const PATIENCE_MS = 30_000
const SLOWEST_BYTES_PER_SECOND = 65_536

/**
 * Cuts the connection of a client whose body is not whole in the time that `limit` bytes take at 64 KiB/s, and
 * half a minute: the server's own clock is off for the sake of large layers.
 */
export function endIfSlow(req: IncomingMessage, limit: number, patienceMs = PATIENCE_MS): void {
  const timer = setTimeout(() => req.destroy(), patienceMs + (limit / SLOWEST_BYTES_PER_SECOND) * 1000)
  const done = (): void => clearTimeout(timer)
  req.once('end', done).once('close', done)
}
