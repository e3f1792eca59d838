import type { LateReferrers } from '@sluice/contract'
import type { Command } from 'commander'
import { connect } from '../connect.ts'
import { define } from '../define.ts'
import { table } from '../output.ts'
import { collect, more, parseLimit } from '../pages.ts'
import type { Shell } from '../shell.ts'

export function referrers(shell: Shell): Command {
  return define(
    'referrers',
    'signatures, SBOMs and attestations that came after a promotion',
    'sluice referrers list 01931b2e-…',
  )
    .addCommand(listReferrers(shell))
    .addCommand(scanReferrers(shell))
}

const listReferrers = (shell: Shell): Command =>
  define(
    'list',
    'what came later, and what became of it, the newest first',
    'sluice referrers list 01931b2e-…',
  )
    .argument('<id>', 'the request that brought the image')
    .option('--limit <n>', 'how many at most', parseLimit, 50)
    .action(async (id: string, { limit }: { limit: number }, command: Command) => {
      const { client, output } = connect(shell, command)
      let last: LateReferrers | undefined
      const page = await collect(limit, async (query) => {
        last = await client.listLateReferrers({ params: { id }, query })
        return last
      })
      const rows = page.items.map(({ state, digest, subject, tag, carries, reason, target }) => [
        state,
        carries.map(({ type, from }) => [type, ...from].join(' ')).join('; ') || '-',
        tag ?? digest,
        `${target.feed}/${target.repository}@${subject}`,
        reason ?? '',
      ])
      const { scannedAt = null, dueAt = null, problem = null } = last ?? {}
      output.show({ ...page, scannedAt, dueAt, problem }, () => [
        ...table(['STATE', 'CARRIES', 'ARTIFACT', 'OF', 'WHY NOT'], rows),
        ...more(page),
        `looked at  ${scannedAt ?? 'not yet'}; next ${dueAt ?? `when asked: sluice referrers scan ${id}`}`,
        ...(problem === null ? [] : [`problem    ${problem}`]),
      ])
    })

const scanReferrers = (shell: Shell): Command =>
  define('scan', 'have the source looked at now', 'sluice referrers scan 01931b2e-…')
    .argument('<id>', 'the request that brought the image')
    .action(async (id: string, _options: object, command: Command) => {
      const { client, output } = connect(shell, command)
      await client.scanReferrers({ params: { id } })
      output.show({ asked: id }, () => [`a worker looks; see: sluice referrers list ${id}`])
    })
