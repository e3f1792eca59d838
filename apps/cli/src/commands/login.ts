import { createClient } from '@sluice/contract'
import type { Command } from 'commander'
import { globals } from '../connect.ts'
import { findServer, keepToken, toOrigin } from '../credentials.ts'
import { define } from '../define.ts'
import { CliError } from '../errors.ts'
import { createOutput } from '../output.ts'
import { ask, readSecret } from '../prompt.ts'
import type { Shell } from '../shell.ts'

type Options = { username?: string; passwordStdin?: true }

export function login(shell: Shell): Command {
  return define(
    'login',
    'sign in and keep the token',
    'sluice login --url https://registry.example --username ada',
  )
    .option('-u, --username <name>', 'who signs in (asked otherwise)')
    .option('--password-stdin', 'read the password from stdin')
    .action(async (options: Options, command: Command) => {
      const { url: flag, json } = globals(command)
      const output = createOutput(shell, json)
      const url = known(flag, shell) ?? toOrigin(await ask(shell, 'URL', { instead: '--url' }))
      if (isExposed(url))
        output.note(`warning: ${url} is not encrypted; others may read the password on its way`)
      const username = options.username ?? (await ask(shell, 'Username', { instead: '--username' }))
      const password =
        options.passwordStdin === true
          ? await readSecret(shell)
          : await ask(shell, 'Password', { secret: true, instead: '--password-stdin' })
      const { token, expiresAt } = await createClient({ url }).login({ body: { username, password } })
      const file = keepToken(shell.env, { url, username, token, expiresAt })
      const me = await createClient({ url, token }).getMe()
      if (me.mustChangePassword) {
        output.note(
          'Somebody else chose your password: before anything else, change it with `sluice password`',
        )
      }
      output.show({ url, username: me.name, expiresAt }, () => [
        `signed in to ${url} as ${me.name} until ${expiresAt}`,
        `the token is kept in ${file}`,
      ])
    })
}

function known(flag: string | undefined, { env }: Shell): string | undefined {
  try {
    return findServer(flag, env).url
  } catch (error) {
    if (error instanceof CliError && error.code === 'not_signed_in') return undefined
    throw error
  }
}

function isExposed(url: string): boolean {
  const { protocol, hostname } = new URL(url)
  return protocol === 'http:' && !/^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostname)
}
