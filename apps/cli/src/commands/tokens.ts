import type { Command } from 'commander'
import { connect } from '../connect.ts'
import { define, several } from '../define.ts'
import { parseDuration } from '../duration.ts'
import { fields, table } from '../output.ts'
import { collect, more, parseLimit } from '../pages.ts'
import type { Shell } from '../shell.ts'

export function tokens(shell: Shell): Command {
  return define('tokens', 'API tokens, for CI and for docker login', 'sluice tokens list')
    .addCommand(listTokens(shell))
    .addCommand(createToken(shell))
    .addCommand(revokeToken(shell))
}

const listTokens = (shell: Shell): Command =>
  define('list', 'your tokens and those of your robots', 'sluice tokens list')
    .option('--limit <n>', 'how many at most', parseLimit, 200)
    .action(async ({ limit }: { limit: number }, command: Command) => {
      const { client, output } = connect(shell, command)
      const page = await collect(limit, (query) => client.listTokens({ query }))
      const rows = page.items.map((token) => [
        token.id,
        token.name,
        token.robot ?? '-',
        token.scopes.join(' '),
        token.expiresAt,
        token.lastUsedAt ?? 'never',
      ])
      const head = ['ID', 'NAME', 'ROBOT', 'SCOPES', 'EXPIRES', 'USED']
      output.show(page, () => [...table(head, rows), ...more(page)])
    })

type NewToken = { scope: string[]; expires: string; robot?: string }

const createToken = (shell: Shell): Command =>
  define(
    'create',
    'make a token; its secret is shown once',
    'sluice tokens create ci --robot ci --scope push:dev --scope request:trusted --expires 30d',
  )
    .argument('<name>', 'what it is for')
    .requiredOption('--scope <scope>', '`*`, VERB:FEED or report:SITE, repeatable', several)
    .option('--expires <duration>', 'how long it lives', '30d')
    .option('--robot <name>', 'give it to this robot, made when new, instead of yourself')
    .action(async (name: string, { scope, expires, robot }: NewToken, command: Command) => {
      const expiresAt = new Date(Date.now() + parseDuration(expires)).toISOString()
      const { client, output } = connect(shell, command)
      const made = await client.createToken({
        body: { name, scopes: scope, expiresAt, ...(robot === undefined ? {} : { robot }) },
      })
      output.show(made, () =>
        fields({ token: made.id, expires: made.expiresAt, secret: `${made.secret} (shown once)` }),
      )
    })

const revokeToken = (shell: Shell): Command =>
  define('revoke', 'end a token at once', 'sluice tokens revoke 01931b2e-…')
    .argument('<id>', 'the token, as tokens list shows it')
    .action(async (id: string, _options: object, command: Command) => {
      const { client, output } = connect(shell, command)
      await client.revokeToken({ params: { id } })
      output.show({ revoked: id }, () => [`token ${id} is revoked`])
    })
