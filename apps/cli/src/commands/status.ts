import type { Command } from 'commander'
import { connect } from '../connect.ts'
import { define } from '../define.ts'
import { createFollower } from '../follow.ts'
import type { Shell } from '../shell.ts'
import { outcome, showRequest } from '../show-request.ts'
import { waitForEnd } from '../wait.ts'

export function status(shell: Shell): Command {
  return define('status', 'where a request stands', 'sluice status 01931b2e-… --watch')
    .argument('<id>', 'the request')
    .option('--watch', 'follow it to its end')
    .action(async (id: string, options: { watch?: true }, command: Command) => {
      const { client, output } = connect(shell, command)
      if (options.watch === undefined) {
        const request = await client.getRequest({ params: { id } })
        output.show(request, () => showRequest(request))
        return
      }
      const ended = await waitForEnd(client, id, { timeoutMs: undefined, follower: createFollower(shell) })
      output.show(ended, () => showRequest(ended))
      outcome(ended)
    })
}
