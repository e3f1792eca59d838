import type { Recall } from '@sluice/contract'
import type { Command } from 'commander'
import { connect } from '../connect.ts'
import { define } from '../define.ts'
import { fields, table } from '../output.ts'
import { collect, more, parseLimit } from '../pages.ts'
import type { Shell } from '../shell.ts'

export function recalls(shell: Shell): Command {
  return define('recalls', 'recalls: what was let in and withdrawn since', 'sluice recalls list')
    .addCommand(createRecall(shell))
    .addCommand(listRecalls(shell))
}

const createRecall = (shell: Shell): Command =>
  define(
    'create',
    'withdraw a digest: it is not pulled from the feed, nor from those after it, until it is restored',
    'sluice recalls create sha256:DIGEST --feed trusted --reason CVE-2026-1234',
  )
    .argument('<digest>', 'an image, an index, or an image of an index')
    .requiredOption('--feed <feed>', 'the trusted feed')
    .requiredOption('--reason <text>', 'why; whoever pulls it reads this')
    .action(async (digest: string, { feed, reason }: { feed: string; reason: string }, command: Command) => {
      const { client, output } = connect(shell, command)
      const { status, body: made } = await client.send('createRecall', { body: { digest, feed, reason } })
      if (status === 200) output.note(`recall ${made.id} was already there`)
      output.show(made, () => show(made))
    })

const listRecalls = (shell: Shell): Command =>
  define('list', 'recalls, the newest first', 'sluice recalls list --feed trusted')
    .option('--feed <feed>', 'of this feed')
    .option('--digest <digest>', 'of this digest')
    .option('--limit <n>', 'how many at most', parseLimit, 50)
    .action(async (options: { feed?: string; digest?: string; limit: number }, command: Command) => {
      const { client, output } = connect(shell, command)
      const { limit, ...filter } = options
      const page = await collect(limit, (query) => client.listRecalls({ query: { ...filter, ...query } }))
      const rows = page.items.map(({ at, feed, digest, by, lifted, reason }) => [
        at,
        feed,
        digest,
        by,
        lifted === null ? 'stands' : 'lifted',
        reason,
      ])
      output.show(page, () => [
        ...table(['AT', 'FEED', 'DIGEST', 'BY', 'STATE', 'REASON'], rows),
        ...more(page),
      ])
    })

const show = ({ id, feed, digest, reason, by, at, places, running }: Recall): string[] => [
  ...fields({ recall: id, feed, digest, reason, by, at }),
  ...places.map(({ feed: where, repository, digest: image, tags }) =>
    `reaches    ${where}/${repository}@${image}  ${tags.join(' ')}`.trimEnd(),
  ),
  ...running.map(({ site, digest: image, since }) => `runs in    ${site}  ${image}  since ${since}`),
]
