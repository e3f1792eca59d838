import { randomBytes } from 'node:crypto'
import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import { close, listen } from './serve.ts'

export interface TokenGate {
  readonly url: string
  /** The tokens that were given out. */
  readonly issued: readonly string[]
  /** The next request that fits finds all tokens ended; each rule once. */
  expireAt(method: string, path: RegExp): void
  /** Whether the token server still takes the password. */
  grant(open: boolean): void
  /** Says what it was shown, when it refuses: as a registry must not. */
  readonly echo: { on: boolean }
  close(): Promise<void>
}

/**
 * Before a real registry that is open to everybody: it wants a Bearer token, and gives them out itself for one user
 * and password. The realm is where the client came from, so that another proxy can stand before it.
 * Distribution specification, "Token Authentication Specification".
 */
export async function startTokenGate(
  target: string,
  { username, password }: { readonly username: string; readonly password: string },
): Promise<TokenGate> {
  const upstream = new URL(target)
  const basic = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
  const valid = new Set<string>()
  const expiring: { method: string; path: RegExp }[] = []
  const echo = { on: false }
  let granting = true
  const issued: string[] = []

  const refuse = (request: IncomingMessage, response: ServerResponse, headers: Record<string, string>) => {
    request.resume()
    const message = echo.on ? `not for ${request.headers.authorization}` : 'authentication required'
    const body = JSON.stringify({ errors: [{ code: 'UNAUTHORIZED', message }] })
    response.writeHead(401, { 'content-type': 'application/json', ...headers })
    response.end(body)
  }
  const giveToken = (request: IncomingMessage, response: ServerResponse): void => {
    if (!granting || request.headers.authorization !== basic) return refuse(request, response, {})
    const token = randomBytes(24).toString('base64url')
    valid.add(token)
    issued.push(token)
    response.writeHead(200, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ token, expires_in: 300 }))
  }
  const server = http.createServer({ requestTimeout: 0 }, (request, response) => {
    const { method = 'GET', url = '/', headers } = request
    if (url.startsWith('/token')) return giveToken(request, response)
    const due = expiring.findIndex((rule) => rule.method === method && rule.path.test(url))
    if (due >= 0) {
      expiring.splice(due, 1)
      valid.clear()
    }
    const token = /^Bearer (.+)$/.exec(headers.authorization ?? '')?.[1] ?? ''
    if (!valid.has(token)) {
      const challenge = `Bearer realm="http://${headers.host}/token",service="gate"`
      return refuse(request, response, { 'www-authenticate': challenge })
    }
    pass(upstream, request, response)
  })
  const url = await listen(server)
  return {
    url,
    issued,
    expireAt: (method, path) => void expiring.push({ method, path }),
    grant(open) {
      granting = open
      if (!open) valid.clear()
    },
    echo,
    close: () => close(server, () => server.closeAllConnections()),
  }
}

function pass(upstream: URL, request: IncomingMessage, response: ServerResponse): void {
  const { hostname: host, port } = upstream
  const { method, url: path } = request
  const { authorization: _, ...headers } = request.headers
  const forward = http.request({ host, port, method, path, headers })
  forward.on('error', () => response.destroy())
  response.once('close', () => forward.destroy())
  forward.once('response', (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers)
    answer.pipe(response)
  })
  request.pipe(forward)
}
