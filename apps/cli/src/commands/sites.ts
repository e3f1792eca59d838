import type { Site } from '@sluice/contract'
import { type Command, InvalidArgumentError } from 'commander'
import { connect } from '../connect.ts'
import { define, several } from '../define.ts'
import { fields, table } from '../output.ts'
import { collect, more, parseLimit } from '../pages.ts'
import type { Shell } from '../shell.ts'

export function sites(shell: Shell): Command {
  return define('sites', 'where images run: clusters, namespaces and hosts that report', 'sluice sites list')
    .addCommand(listSites(shell))
    .addCommand(getSite(shell))
    .addCommand(createSite(shell))
    .addCommand(setSite(shell))
    .addCommand(deleteSite(shell))
}

type Settings = { reporter?: string[]; staleAfter?: number }

const settingsOf = ({ reporter, staleAfter }: Settings) => ({
  ...(reporter !== undefined && { reporters: reporter }),
  ...(staleAfter !== undefined && { staleAfterHours: staleAfter }),
})

const listSites = (shell: Shell): Command =>
  define('list', 'sites, with what runs there', 'sluice sites list')
    .option('--limit <n>', 'how many at most', parseLimit, 200)
    .action(async ({ limit }: { limit: number }, command: Command) => {
      const { client, output } = connect(shell, command)
      const page = await collect(limit, (query) => client.listSites({ query }))
      const rows = page.items.map(({ name, state, reportedAt, running }) => [
        name,
        state,
        reportedAt ?? '-',
        ...[running.recalled, running.unknown, running['not-admitted'], running.admitted].map(String),
      ])
      const head = ['SITE', 'STATE', 'REPORTED', 'RECALLED', 'UNKNOWN', 'NOT ADMITTED', 'ADMITTED']
      output.show(page, () => [...table(head, rows), ...more(page)])
    })

const getSite = (shell: Shell): Command =>
  define('get', 'one site', 'sluice sites get prod-eu')
    .argument('<site>', 'its name')
    .action(async (site: string, _options: object, command: Command) => {
      const { client, output } = connect(shell, command)
      const found = await client.getSite({ params: { site } })
      output.show(found, () => show(found))
    })

const createSite = (shell: Shell): Command =>
  define('create', 'create a site', 'sluice sites create prod-eu --reporter robot:prod-eu')
    .argument('<site>', 'its name: a cluster, cluster.namespace or host')
    .option('--reporter <principal>', 'who reports: user:x, group:x or robot:x, repeatable', several)
    .option('--stale-after <hours>', 'so long without a report, it is stale (default: 24)', parseHours)
    .action(async (name: string, options: Settings, command: Command) => {
      const { client, output } = connect(shell, command)
      const made = await client.createSite({ body: { name, ...settingsOf(options) } })
      output.show(made, () => show(made))
    })

const setSite = (shell: Shell): Command =>
  define(
    'set',
    'change who reports, or when it is stale',
    'sluice sites set prod-eu --reporter robot:prod-eu',
  )
    .argument('<site>', 'its name')
    .option('--reporter <principal>', 'who reports, in place of who did, repeatable', several)
    .option('--stale-after <hours>', 'so long without a report, it is stale', parseHours)
    .action(async (site: string, options: Settings, command: Command) => {
      const { client, output } = connect(shell, command)
      const changed = await client.updateSite({ params: { site }, body: settingsOf(options) })
      output.show(changed, () => show(changed))
    })

const deleteSite = (shell: Shell): Command =>
  define('delete', 'delete a site: what it reported is protected no longer', 'sluice sites delete prod-eu')
    .argument('<site>', 'its name')
    .action(async (site: string, _options: object, command: Command) => {
      const { client, output } = connect(shell, command)
      await client.deleteSite({ params: { site } })
      output.show({ deleted: site }, () => [`site ${site} is deleted`])
    })

function parseHours(text: string): number {
  if (!/^[1-9][0-9]{0,3}$/.test(text)) throw new InvalidArgumentError('It is a number of hours, 1 to 8760.')
  return Number(text)
}

const show = ({ name, state, reporters, staleAfterHours, reportedAt, reportedBy, running }: Site): string[] =>
  fields({
    site: name,
    state,
    reporters: reporters === null ? null : reporters.join(' ') || 'nobody',
    reported: reportedAt === null ? null : `${reportedAt} by ${reportedBy ?? '-'}`,
    'stale after': `${staleAfterHours} h`,
    running: `${running.recalled} recalled, ${running.unknown} unknown here, ${running['not-admitted']} not admitted, ${running.admitted} admitted`,
  })
