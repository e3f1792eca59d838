import fs from 'node:fs'
import { type Running, standing } from '@sluice/contract'
import { type Command, Option } from 'commander'
import { connect } from '../connect.ts'
import { define } from '../define.ts'
import { CliError, reasonOf } from '../errors.ts'
import { readImages } from '../image-ids.ts'
import { fields, table } from '../output.ts'
import { collect, more, parseLimit } from '../pages.ts'
import type { Shell } from '../shell.ts'

export function running(shell: Shell): Command {
  return define('running', 'what runs where', 'sluice running list --standing recalled')
    .addCommand(reportRunning(shell))
    .addCommand(listRunning(shell))
}

const reportRunning = (shell: Shell): Command =>
  define(
    'report',
    'say what runs in a site now, all of it: what is missing runs there no longer',
    `kubectl get pods -A -o jsonpath='{range .items[*].status.containerStatuses[*]}{.image}{"\\t"}{.imageID}{"\\n"}{end}' | sluice running report prod-eu`,
  )
    .argument('<site>', 'its name')
    .option(
      '--from <file>',
      'image ids, one a line, each with its reference before it if there is one; - is stdin',
      '-',
    )
    .option('--none', 'nothing runs there: without this an empty list is refused')
    .action(async (site: string, { from, none }: { from: string; none?: true }, command: Command) => {
      const { items, without } = readImages(await readText(from, shell))
      if (items.length === 0 && none !== true) {
        throw new CliError('usage', 'the list holds no digest; if nothing runs there, say so with --none')
      }
      const { client, output } = connect(shell, command)
      if (without > 0) output.note(`${without} lines name no digest: containers that have not started`)
      const done = await client.reportRunning({ params: { site }, body: [...items] })
      output.show(done, () =>
        fields({
          site: done.site,
          reported: done.reportedAt,
          digests: String(done.digests),
          began: String(done.began),
          ended: String(done.ended),
        }),
      )
    })

async function readText(file: string, { stdin }: Shell): Promise<string> {
  try {
    if (file !== '-') return fs.readFileSync(file, 'utf8')
    const chunks: Buffer[] = []
    for await (const chunk of stdin) chunks.push(Buffer.from(chunk))
    return Buffer.concat(chunks).toString('utf8')
  } catch (cause) {
    throw new CliError('usage', `${file} cannot be read: ${reasonOf(cause)}`, { cause })
  }
}

type Filter = { site?: string; standing?: Running['standing']; past?: true; limit: number }

const listRunning = (shell: Shell): Command =>
  define('list', 'what runs, what began last first', 'sluice running list --site prod-eu --standing unknown')
    .option('--site <site>', 'in this site')
    .addOption(new Option('--standing <standing>', 'only what stands so').choices(standing.options))
    .option('--past', 'also what ended')
    .option('--limit <n>', 'how many at most', parseLimit, 200)
    .action((filter: Filter, command: Command) => listed(shell, command, filter))

export const where = (shell: Shell): Command =>
  define(
    'where',
    'where a digest runs: itself, as part of an index, or an image of it',
    'sluice where sha256:…',
  )
    .argument('<digest>', 'of an image or an index')
    .option('--past', 'also where it ran')
    .option('--limit <n>', 'how many at most', parseLimit, 200)
    .action((digest: string, options: { past?: true; limit: number }, command: Command) =>
      listed(shell, command, { digest, ...options }),
    )

async function listed(
  shell: Shell,
  command: Command,
  { past, limit, ...filter }: Filter & { digest?: string },
): Promise<void> {
  const { client, output } = connect(shell, command)
  const asked = { ...filter, ...(past === true && { past: 'true' as const }) }
  const page = await collect(limit, (query) => client.listRunning({ query: { ...asked, ...query } }))
  const rows = page.items.map((item) => [
    item.site,
    item.standing,
    item.digest,
    item.since,
    item.until ?? (item.stale ? 'now (stale)' : 'now'),
    item.images.join(' ') || item.repositories.join(' ') || '-',
  ])
  output.show(page, () => [
    ...table(['SITE', 'STANDING', 'DIGEST', 'SINCE', 'UNTIL', 'IMAGE'], rows),
    ...more(page),
  ])
}
