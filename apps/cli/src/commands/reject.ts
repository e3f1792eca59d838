import type { Command } from 'commander'
import { connect } from '../connect.ts'
import { define } from '../define.ts'
import { parseDigestOption } from '../image.ts'
import type { Shell } from '../shell.ts'
import { showRequest } from '../show-request.ts'

export function reject(shell: Shell): Command {
  return define(
    'reject',
    'reject a request, saying why',
    'sluice reject 01931b2e-… --digest sha256:9f86d081884c… -m "open finding in the base image"',
  )
    .argument('<id>', 'the request')
    .requiredOption(
      '--digest <digest>',
      'what you reject: the digest as `sluice status` shows it',
      parseDigestOption,
    )
    .requiredOption('-m, --message <text>', 'why')
    .action(async (id: string, options: { digest: string; message: string }, command: Command) => {
      const { client, output } = connect(shell, command)
      const body = { decision: 'reject', digest: options.digest, comment: options.message } as const
      const request = await client.decideRequest({ params: { id }, body })
      output.show(request, () => showRequest(request))
    })
}
