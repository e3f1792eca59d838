import { requestStates } from '@sluice/contract'
import { type Command, Option } from 'commander'
import { connect } from '../connect.ts'
import { define } from '../define.ts'
import { table } from '../output.ts'
import { collect, more, parseLimit } from '../pages.ts'
import type { Shell } from '../shell.ts'

type Options = {
  state?: (typeof requestStates)[number]
  lane?: string
  repository?: string
  digest?: string
  requester?: string
  limit: number
}

export function list(shell: Shell): Command {
  return define('list', 'requests, newest first', 'sluice list --state PENDING --lane dev-to-trusted')
    .addOption(new Option('--state <state>', 'only in this state').choices(requestStates))
    .option('--lane <lane>', 'only on this lane')
    .option('--repository <name>', 'only of this repository')
    .option('--digest <digest>', 'only of this digest')
    .option('--requester <name>', 'only by this requester')
    .option('--limit <n>', 'how many at most', parseLimit, 50)
    .action(async ({ limit, ...filter }: Options, command: Command) => {
      const { client, output } = connect(shell, command)
      const page = await collect(limit, (query) => client.listRequests({ query: { ...filter, ...query } }))
      output.show(page, () => [
        ...table(
          ['ID', 'STATE', 'PROMOTION', 'REQUESTER', 'CREATED', 'IMAGE'],
          page.items.map(({ id, state, promotion, requester, createdAt, items }) => [
            id,
            state,
            promotion?.state ?? '-',
            requester,
            createdAt,
            items
              .map(({ source }) => `${source.feed}/${source.repository}:${source.tag ?? '(by digest)'}`)
              .join(' '),
          ]),
        ),
        ...more(page),
      ])
    })
}
