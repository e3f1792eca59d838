import { CallError, type Client, createClient } from '@sluice/contract'
import type { Command } from 'commander'
import { findServer } from './credentials.ts'
import { CliError } from './errors.ts'
import { createOutput, type Output } from './output.ts'
import type { Shell } from './shell.ts'

/** What every command works with: the service it speaks to, and where its result goes. */
export type Session = { readonly client: Client; readonly output: Output }

/** @throws CliError `not_signed_in`, `usage` */
export function connect(shell: Shell, command: Command): Session {
  const { url: flag, json } = globals(command)
  const { url, token } = findServer(flag, shell.env)
  if (token === undefined) {
    throw new CliError('not_signed_in', `you are not signed in to ${url}`, {
      details: [`Sign in: sluice login --url ${url}`, 'In CI, set SLUICE_TOKEN to an API token.'],
    })
  }
  return { client: createClient({ url, token }), output: createOutput(shell, json) }
}

/** The options that every command takes. */
export function globals(command: Command): { url: string | undefined; json: boolean } {
  const { url, json } = command.optsWithGlobals<{ url?: string; json?: boolean }>()
  return { url, json: json === true }
}

/** What the service answered, as an exit code and a sentence. */
export function fromCall(error: CallError, url: string): CliError {
  const { code, status, problem, message } = error
  const more = { problem: problem ?? undefined, cause: error }
  if (code !== 'refused' || problem === null) return new CliError('unreachable', message, more)
  const details = problem.errors.map((found) => `${found.field || 'request'}: ${found.message}`)
  const sentence = problem.detail || problem.title
  const said = { ...more, details: [...details, `${problem.code}, request ${problem.requestId}`] }
  if (status === 401) {
    const again = `Sign in again: sluice login --url ${url}`
    return new CliError('not_signed_in', sentence, { ...said, details: [...said.details, again] })
  }
  if (status === 400) return new CliError('usage', sentence, said)
  const refused = status !== null && [403, 409, 410, 412, 422].includes(status)
  return new CliError(refused ? 'refused' : 'failed', sentence, said)
}
