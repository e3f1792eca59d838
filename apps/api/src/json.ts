import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import type { Request, Response } from 'express'

const compress = promisify(gzip)

/** Characters; what is shorter fits into what the network sends at once anyway. */
const WORTH = 2_000

/**
 * Sends an answer as JSON. What is read, and long, is compressed for those who take it: a list says the same words again
 * and again, and a phone waits for each of them. Nobody's browser sends a credential here by itself, so that no other
 * site can have it guess at lengths (BREACH).
 */
export async function sendJson(req: Request, res: Response, body: unknown): Promise<void> {
  const text = JSON.stringify(body)
  res.type('application/json')
  res.vary('Accept-Encoding')
  if (req.method !== 'GET' || text.length < WORTH || req.acceptsEncodings('gzip') === false) {
    res.send(text)
    return
  }
  res.setHeader('Content-Encoding', 'gzip')
  res.send(await compress(text, { level: 4 }))
}
