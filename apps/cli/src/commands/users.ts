import type { Role, User } from '@sluice/contract'
import { type Command, Option } from 'commander'
import { connect } from '../connect.ts'
import { define, several } from '../define.ts'
import { fields, table } from '../output.ts'
import { collect, more, parseLimit } from '../pages.ts'
import { readSecret } from '../prompt.ts'
import type { Shell } from '../shell.ts'

export function users(shell: Shell): Command {
  return define('users', 'the people who may sign in', 'sluice users list')
    .addCommand(listUsers(shell))
    .addCommand(getUser(shell))
    .addCommand(createUser(shell))
    .addCommand(disableUser(shell))
}

const show = (user: User): string[] =>
  fields({
    user: user.username,
    name: user.displayName,
    roles: user.roles.join(' ') || null,
    groups: user.groups.join(' ') || null,
    state: user.disabled ? 'disabled' : 'active',
  })

const listUsers = (shell: Shell): Command =>
  define('list', 'every user', 'sluice users list')
    .option('--limit <n>', 'how many at most', parseLimit, 200)
    .action(async ({ limit }: { limit: number }, command: Command) => {
      const { client, output } = connect(shell, command)
      const page = await collect(limit, (query) => client.listUsers({ query }))
      const rows = page.items.map((user) => [
        user.username,
        user.displayName,
        user.roles.join(',') || '-',
        user.groups.join(',') || '-',
        user.disabled ? 'disabled' : 'active',
      ])
      output.show(page, () => [...table(['USER', 'NAME', 'ROLES', 'GROUPS', 'STATE'], rows), ...more(page)])
    })

const getUser = (shell: Shell): Command =>
  define('get', 'one user', 'sluice users get ada')
    .argument('<name>', 'the user')
    .action(async (name: string, _options: object, command: Command) => {
      const { client, output } = connect(shell, command)
      const user = await client.getUser({ params: { name } })
      output.show(user, () => show(user))
    })

type NewUser = { displayName?: string; role?: Role[]; group?: string[]; passwordStdin?: true }

const createUser = (shell: Shell): Command =>
  define('create', 'make a user', 'sluice users create ada --display-name "Ada Lovelace" --group release')
    .argument('<name>', 'the user')
    .option('--display-name <text>', 'how the person is called')
    .addOption(
      new Option('--role <role...>', 'admin: configures; auditor: reads the log').choices([
        'admin',
        'auditor',
      ]),
    )
    .option('--group <group>', 'a group to be in, repeatable', several)
    .option('--password-stdin', 'read the password from stdin (default: one is generated, to be changed)')
    .action(async (username: string, options: NewUser, command: Command) => {
      const { client, output } = connect(shell, command)
      const password = options.passwordStdin === true ? { password: await readSecret(shell) } : {}
      const made = await client.createUser({
        body: {
          username,
          ...password,
          ...(options.displayName === undefined ? {} : { displayName: options.displayName }),
          ...(options.role === undefined ? {} : { roles: options.role }),
          ...(options.group === undefined ? {} : { groups: options.group }),
        },
      })
      output.show(made, () => [
        ...show(made),
        ...(made.password === undefined ? [] : [`password  ${made.password} (shown once)`]),
      ])
    })

const disableUser = (shell: Shell): Command =>
  define('disable', 'end all a user may do; what was done stays recorded', 'sluice users disable ada')
    .argument('<name>', 'the user')
    .action(async (name: string, _options: object, command: Command) => {
      const { client, output } = connect(shell, command)
      await client.deleteUser({ params: { name } })
      output.show({ disabled: name }, () => [`user ${name} is disabled`])
    })
