import type { Command } from 'commander'
import { connect } from '../connect.ts'
import { define, several } from '../define.ts'
import type { Shell } from '../shell.ts'
import { showRequest } from '../show-request.ts'

type Options = { lane: string; reason: string; tag?: readonly string[] }

export function breakGlass(shell: Shell): Command {
  return define(
    'break-glass',
    'let an image in at once, without a quorum; two other persons review it afterwards',
    'sluice break-glass team/app:1.4.3 --lane dev-to-trusted --reason "production is down: INC-77"',
  )
    .argument('<image>', "repository:tag or repository@digest in the lane's first feed")
    .requiredOption('--lane <lane>', 'the lane')
    .requiredOption('--reason <text>', 'why there is no time for an approval')
    .option('--tag <tag>', 'tag to set in the target, repeatable (default: the source tag)', several)
    .action(async (image: string, { lane, reason, tag }: Options, command: Command) => {
      const { client, output } = connect(shell, command)
      const item = { image, ...(tag === undefined ? {} : { targetTags: [...tag] }) }
      const made = await client.breakGlass({ body: { lane, items: [item], reason } })
      output.show(made, () => showRequest(made))
    })
}

export function review(shell: Shell): Command {
  return define(
    'review',
    'say that you looked at what was let in without a quorum',
    'sluice review REQUEST -m "the fix of INC-77, tested since"',
  )
    .argument('<id>', 'the request')
    .requiredOption('-m, --comment <text>', 'what you found')
    .action(async (id: string, { comment }: { comment: string }, command: Command) => {
      const { client, output } = connect(shell, command)
      const request = await client.reviewRequest({ params: { id }, body: { comment } })
      output.show(request, () => showRequest(request))
    })
}
