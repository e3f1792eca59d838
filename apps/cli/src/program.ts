import { Command } from 'commander'
import { alerts } from './commands/alerts.ts'
import { apply } from './commands/apply.ts'
import { approve } from './commands/approve.ts'
import { breakGlass, review } from './commands/break-glass.ts'
import { cancel } from './commands/cancel.ts'
import { evidence } from './commands/evidence.ts'
import { feeds } from './commands/feeds.ts'
import { history } from './commands/history.ts'
import { lanes } from './commands/lanes.ts'
import { list } from './commands/list.ts'
import { login } from './commands/login.ts'
import { password } from './commands/password.ts'
import { purge } from './commands/purge.ts'
import { recalls } from './commands/recalls.ts'
import { referrers } from './commands/referrers.ts'
import { reject } from './commands/reject.ts'
import { request } from './commands/request.ts'
import { retry } from './commands/retry.ts'
import { running, where } from './commands/running.ts'
import { sites } from './commands/sites.ts'
import { status } from './commands/status.ts'
import { tokens } from './commands/tokens.ts'
import { users } from './commands/users.ts'
import { verify } from './commands/verify.ts'
import type { Shell } from './shell.ts'

const commands = [
  login,
  request,
  approve,
  reject,
  status,
  list,
  cancel,
  retry,
  referrers,
  history,
  verify,
  evidence,
  feeds,
  lanes,
  breakGlass,
  review,
  recalls,
  purge,
  alerts,
  sites,
  running,
  where,
  users,
  tokens,
  password,
  apply,
]

/** `sluice` and its commands, as the outside contract names them. */
export function createProgram(shell: Shell): Command {
  const program = new Command('sluice')
    .description('Promote container images by digest, after somebody else said yes.')
    .option('--url <url>', 'the service (default: SLUICE_URL, else where you signed in last)')
    .option('--json', 'the result as JSON')
    .showHelpAfterError(
      '\nExample:\n  sluice request team/app:1.4.2 --lane dev-to-trusted --wait\nAll commands: sluice --help',
    )
    .addHelpText(
      'after',
      [
        '',
        'Environment: SLUICE_URL, SLUICE_TOKEN (an API token, for CI).',
        'Exit codes: 0 ok, 1 error, 2 usage, 3 rejected or refused, 4 timed out.',
      ].join('\n'),
    )
  for (const command of commands) program.addCommand(command(shell))
  adopt(program, shell)
  return program
}

/** Errors are thrown, not exited with, and shown with the command's own example. */
function adopt(command: Command, shell: Shell): void {
  command
    .helpCommand(false)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void shell.stdout.write(text),
      writeErr: (text) => void shell.stderr.write(text),
    })
    .configureHelp({ showGlobalOptions: true })
  for (const child of command.commands) adopt(child, shell)
}
