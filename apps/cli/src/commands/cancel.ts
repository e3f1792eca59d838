import type { Command } from 'commander'
import { connect } from '../connect.ts'
import { define } from '../define.ts'
import type { Shell } from '../shell.ts'
import { showRequest } from '../show-request.ts'

export function cancel(shell: Shell): Command {
  return define('cancel', 'cancel a request that is not promoted yet', 'sluice cancel 01931b2e-…')
    .argument('<id>', 'the request')
    .action(async (id: string, _options: object, command: Command) => {
      const { client, output } = connect(shell, command)
      const request = await client.cancelRequest({ params: { id } })
      output.show(request, () => showRequest(request))
    })
}
