import type { Purge } from '@sluice/contract'
import type { Command } from 'commander'
import { connect } from '../connect.ts'
import { define } from '../define.ts'
import { fields, table } from '../output.ts'
import { collect, more, parseLimit } from '../pages.ts'
import type { Shell } from '../shell.ts'

export function purge(shell: Shell): Command {
  return define(
    'purge',
    'purges: the bytes of what was recalled, removed by two persons',
    'sluice purge list',
  )
    .addCommand(openPurge(shell))
    .addCommand(confirmPurge(shell))
    .addCommand(listPurges(shell))
}

const openPurge = (shell: Shell): Command =>
  define(
    'open',
    'ask for the bytes of a recalled digest to be removed; another person confirms it',
    'sluice purge open sha256:DIGEST --reason "leaked key"',
  )
    .argument('<digest>', 'what is recalled')
    .requiredOption('--reason <text>', 'why; whoever pulls or pushes it later reads this')
    .option('--feed <feed>', 'which recall, where it was recalled in several feeds')
    .action(async (digest: string, { feed, reason }: { feed?: string; reason: string }, command: Command) => {
      const { client, output } = connect(shell, command)
      const body = { digest, reason, ...(feed !== undefined && { feed }) }
      const { status, body: opened } = await client.send('openPurge', { body })
      if (status === 200) output.note(`purge ${opened.id} was already there`)
      output.show(opened, () => show(opened))
    })

const confirmPurge = (shell: Shell): Command =>
  define('confirm', 'remove them, for ever; not by who asked for it', 'sluice purge confirm ID')
    .argument('<id>', 'of the purge')
    .action(async (id: string, _options: object, command: Command) => {
      const { client, output } = connect(shell, command)
      const confirmed = await client.confirmPurge({ params: { id } })
      output.show(confirmed, () => show(confirmed))
    })

const listPurges = (shell: Shell): Command =>
  define('list', 'purges, the newest first', 'sluice purge list')
    .option('--digest <digest>', 'of this digest')
    .option('--limit <n>', 'how many at most', parseLimit, 50)
    .action(async (options: { digest?: string; limit: number }, command: Command) => {
      const { client, output } = connect(shell, command)
      const { limit, ...filter } = options
      const page = await collect(limit, (query) => client.listPurges({ query: { ...filter, ...query } }))
      const rows = page.items.map(({ id, openedAt, digest, openedBy, confirmed, reason }) => [
        id,
        openedAt,
        digest,
        openedBy,
        confirmed === null ? 'open' : `purged by ${confirmed.by}`,
        reason,
      ])
      output.show(page, () => [
        ...table(['ID', 'OPENED', 'DIGEST', 'BY', 'STATE', 'REASON'], rows),
        ...more(page),
      ])
    })

const show = ({ id, digest, feed, reason, openedBy, openedAt, confirmed }: Purge): string[] => [
  ...fields({ purge: id, digest, feed, reason, 'opened by': openedBy, at: openedAt }),
  ...(confirmed === null
    ? ['open: another person confirms it']
    : [`purged by ${confirmed.by} at ${confirmed.at}`, ...confirmed.digests.map((gone) => `gone ${gone}`)]),
]
