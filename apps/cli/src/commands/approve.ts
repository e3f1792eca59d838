import type { Command } from 'commander'
import { connect } from '../connect.ts'
import { define } from '../define.ts'
import { parseDigestOption } from '../image.ts'
import type { Shell } from '../shell.ts'
import { showRequest } from '../show-request.ts'

export function approve(shell: Shell): Command {
  return define(
    'approve',
    'approve a request',
    'sluice approve 01931b2e-… --digest sha256:9f86d081884c… -m "load test passed"',
  )
    .argument('<id>', 'the request')
    .requiredOption(
      '--digest <digest>',
      'what you approve: the digest as `sluice status` shows it',
      parseDigestOption,
    )
    .option('-m, --message <text>', 'a comment')
    .action(async (id: string, options: { digest: string; message?: string }, command: Command) => {
      const { client, output } = connect(shell, command)
      const comment = options.message === undefined ? {} : { comment: options.message }
      const body = { decision: 'approve', digest: options.digest, ...comment } as const
      const request = await client.decideRequest({ params: { id }, body })
      output.show(request, () => showRequest(request))
    })
}
