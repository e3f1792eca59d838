import { type Alert, resolutions } from '@sluice/contract'
import { type Command, Option } from 'commander'
import { connect } from '../connect.ts'
import { define } from '../define.ts'
import { fields, table } from '../output.ts'
import { collect, more, parseLimit } from '../pages.ts'
import type { Shell } from '../shell.ts'

export function alerts(shell: Shell): Command {
  return define(
    'alerts',
    'tags of trusted remote feeds that are not where promotions put them',
    'sluice alerts list',
  )
    .addCommand(listAlerts(shell))
    .addCommand(resolveAlert(shell))
}

const listAlerts = (shell: Shell): Command =>
  define('list', 'open alerts, the newest first', 'sluice alerts list --feed prod')
    .option('--feed <feed>', 'of this feed')
    .option('--all', 'those that are resolved too')
    .option('--limit <n>', 'how many at most', parseLimit, 50)
    .action(async (options: { feed?: string; all?: true; limit: number }, command: Command) => {
      const { client, output } = connect(shell, command)
      const { limit, feed, all } = options
      const filter = { ...(feed !== undefined && { feed }), ...(all !== true && { state: 'open' as const }) }
      const page = await collect(limit, (query) => client.listAlerts({ query: { ...filter, ...query } }))
      const rows = page.items.map((alert) => [
        alert.id,
        `${alert.feed}/${alert.repository}:${alert.tag}`,
        alert.expected ?? 'nothing',
        alert.seen ?? 'nothing',
        alert.firstSeen,
        alert.resolved?.resolution ?? 'open',
      ])
      output.show(page, () => [
        ...table(['ALERT', 'TAG', 'PROMOTED', 'SERVED', 'SINCE', 'STATE'], rows),
        ...more(page),
      ])
    })

type Resolved = { as: (typeof resolutions)[number]; comment: string }

const resolveAlert = (shell: Shell): Command =>
  define(
    'resolve',
    'end an alert, so that the tag is promoted to again',
    'sluice alerts resolve ID --as restored -m "put back"',
  )
    .argument('<id>', 'the alert')
    .addOption(
      new Option(
        '--as <how>',
        'restored: it is as promoted again, which is looked at; accept-removed: gone for good; accepted: stays as it is',
      )
        .choices([...resolutions])
        .makeOptionMandatory(),
    )
    .requiredOption('-m, --comment <text>', 'why')
    .action(async (id: string, { as, comment }: Resolved, command: Command) => {
      const { client, output } = connect(shell, command)
      const alert = await client.resolveAlert({ params: { id }, body: { resolution: as, comment } })
      output.show(alert, () => show(alert))
    })

const show = ({ id, feed, repository, tag, resolved }: Alert): string[] =>
  fields({
    alert: id,
    tag: `${feed}/${repository}:${tag}`,
    state: resolved?.resolution ?? 'open',
    by: resolved?.by ?? null,
    comment: resolved?.comment ?? null,
  })
