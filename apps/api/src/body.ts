import express, { type Request, type Response } from 'express'
import { ApiError } from './problem.ts'

/** 1 MiB. */
const BODY_LIMIT = 1_048_576

const parser = express.json({ limit: BODY_LIMIT, inflate: false, strict: true, type: 'application/json' })

/**
 * The JSON body of a call that needs one.
 * @throws ApiError unsupported_media_type, invalid; the parser's own error, which errors.ts knows
 */
export async function readBody(req: Request, res: Response): Promise<unknown> {
  const length = req.headers['content-length']
  const empty = req.headers['transfer-encoding'] === undefined && (length === undefined || length === '0')
  if (empty) {
    const message = 'this call needs a JSON body'
    throw new ApiError('invalid', message, { errors: [{ field: '', rule: 'required', message }] })
  }
  if (req.is('application/json') === false) {
    throw new ApiError('unsupported_media_type', 'send the body as application/json')
  }
  await new Promise<void>((resolve, reject) => {
    parser(req, res, (error?: unknown) => (error === undefined ? resolve() : reject(error)))
  })
  return req.body as unknown
}
