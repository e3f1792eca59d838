import type { Command } from 'commander'
import { connect } from '../connect.ts'
import { define } from '../define.ts'
import { CliError } from '../errors.ts'
import { parseImage } from '../image.ts'
import { table } from '../output.ts'
import { collect, more, parseLimit } from '../pages.ts'
import { parseTime } from './restore.ts'
import type { Shell } from '../shell.ts'

export function history(shell: Shell): Command {
  return define(
    'history',
    'every move of a tag, or every promotion of a repository or digest',
    'sluice history trusted/team/app:1.4.2',
  )
    .argument('<image>', 'feed/repository[:tag][@digest]')
    .option('--limit <n>', 'how many at most', parseLimit, 50)
    .option('--at <time>', 'only what the tag pointed at then', parseTime)
    .action(async (image: string, { limit, at }: { limit: number; at?: string }, command: Command) => {
      const { feed, repository, tag, digest } = parseImage(image)
      if (at !== undefined && tag === null) throw new CliError('usage', '--at is about a tag; name it')
      const { client, output } = connect(shell, command)
      if (tag !== null && at !== undefined) {
        const then = await client.listTagHistory({ params: { feed }, query: { repository, tag, at } })
        const found = { tag, at, digest: then.digest ?? null }
        output.show(found, () => [found.digest ?? '(nothing)'])
        return
      }
      if (tag !== null && digest === null) {
        const page = await collect(limit, (query) =>
          client.listTagHistory({ params: { feed }, query: { repository, tag, ...query } }),
        )
        const rows = page.items.map((move) => [
          move.at,
          move.by ?? move.approvers.join(','),
          move.request ?? '-',
          move.from ?? '(nothing)',
          move.to ?? '(nothing)',
        ])
        output.show(page, () => [...table(['AT', 'BY', 'REQUEST', 'FROM', 'TO'], rows), ...more(page)])
        return
      }
      const filter = { feed, repository, ...(digest === null ? {} : { digest }) }
      const page = await collect(limit, (query) => client.listPromotions({ query: { ...filter, ...query } }))
      const rows = page.items.map((run) => [
        run.finishedAt ?? run.startedAt ?? '-',
        run.state,
        run.requestId,
        run.requester,
        run.approvers.join(','),
        run.digest,
      ])
      const head = ['AT', 'STATE', 'REQUEST', 'REQUESTER', 'APPROVERS', 'DIGEST']
      output.show(page, () => [...table(head, rows), ...more(page)])
    })
}
