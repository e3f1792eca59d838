import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { z } from 'zod'
import { CliError, reasonOf } from './errors.ts'
import type { Shell } from './shell.ts'

/** Which service to speak to, and as whom; `token` is absent before the first sign-in. */
export type Server = { readonly url: string; readonly token: string | undefined }

const kept = z.object({
  current: z.string().optional(),
  servers: z.record(z.string(), z.object({ username: z.string(), token: z.string(), expiresAt: z.string() })),
})
type Kept = z.infer<typeof kept>

/**
 * The service by flag, SLUICE_URL or the last sign-in; the token by SLUICE_TOKEN or as kept for that very URL,
 * so that a token never reaches another server.
 * @throws CliError `usage` for a bad URL or token, `not_signed_in` without any URL
 */
export function findServer(flag: string | undefined, env: Shell['env']): Server {
  const known = read(env)
  const url = flag ?? (env.SLUICE_URL || known.current)
  if (url === undefined) {
    throw new CliError('not_signed_in', 'no service is known yet', {
      details: ['Sign in first: sluice login --url http://127.0.0.1:8080'],
    })
  }
  const origin = toOrigin(url)
  const token = env.SLUICE_TOKEN || known.servers[origin]?.token
  if (token !== undefined && !/^[\x21-\x7e]+$/.test(token)) {
    throw new CliError('usage', 'SLUICE_TOKEN has a character that no token has')
  }
  return { url: origin, token }
}

/** Keeps the token readable by this user alone (0600) and makes its server the current one. */
export function keepToken(
  env: Shell['env'],
  server: { url: string; username: string; token: string; expiresAt: string },
): string {
  const file = location(env)
  const { url, ...signedIn } = server
  const content: Kept = { current: url, servers: { ...read(env).servers, [url]: signedIn } }
  fs.mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 })
  // A new file by name: an old one's wider mode, or a link put in its place, is not written through.
  const draft = `${file}.${process.pid}.new`
  fs.rmSync(draft, { force: true })
  fs.writeFileSync(draft, `${JSON.stringify(content, null, 2)}\n`, { mode: 0o600, flag: 'wx' })
  fs.renameSync(draft, file)
  return file
}

/** Scheme, host and port alone. @throws CliError `usage` */
export function toOrigin(text: string): string {
  const given = URL.canParse(text) ? new URL(text) : undefined
  const whole = given !== undefined && /^https?:$/.test(given.protocol) && given.pathname === '/'
  if (!whole || given.username !== '' || given.password !== '' || given.search !== '' || given.hash !== '') {
    throw new CliError('usage', `"${text}" is not the address of a service: expected http[s]://host[:port]`)
  }
  return given.origin
}

function location(env: Shell['env']): string {
  const base = env.XDG_CONFIG_HOME || path.join(env.HOME || os.homedir(), '.config')
  return path.join(base, 'sluice', 'config.json')
}

function read(env: Shell['env']): Kept {
  const file = location(env)
  let text: string
  try {
    text = fs.readFileSync(file, 'utf8')
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return { servers: {} }
    throw new CliError('failed', `${file} cannot be read: ${reasonOf(cause)}`, { cause })
  }
  try {
    return kept.parse(JSON.parse(text))
  } catch (cause) {
    throw new CliError('failed', `${file} is damaged: remove it and sign in again`, { cause })
  }
}
