import type { Command } from 'commander'
import { connect } from '../connect.ts'
import { define } from '../define.ts'
import { CliError } from '../errors.ts'
import { ask } from '../prompt.ts'
import type { Shell } from '../shell.ts'

export function password(shell: Shell): Command {
  return define('password', 'change your own password', 'sluice password').action(
    async (_options: object, command: Command) => {
      const { client, output } = connect(shell, command)
      const question = { secret: true, instead: 'it on a terminal' }
      const current = await ask(shell, 'Current password', question)
      const next = await ask(shell, 'New password', question)
      if ((await ask(shell, 'New password again', question)) !== next) {
        throw new CliError('usage', 'the new password was not the same both times; nothing is changed')
      }
      await client.changePassword({ body: { current, next } })
      output.show({ changed: true }, () => ['the password is changed'])
    },
  )
}
