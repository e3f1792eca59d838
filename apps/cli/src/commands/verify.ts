import type { Client, Verdict } from '@sluice/contract'
import { isDigest } from '@sluice/oci/names'
import type { Command } from 'commander'
import { connect } from '../connect.ts'
import { define } from '../define.ts'
import { CliError } from '../errors.ts'
import { fields } from '../output.ts'
import type { Shell } from '../shell.ts'

export function verify(shell: Shell): Command {
  return define(
    'verify',
    'was this image let in, by whom, on whose word?',
    'sluice verify trusted/team/app:1.4.2',
  )
    .argument('<image>', 'feed/repository:tag, feed/repository@digest, or a digest alone')
    .action(async (image: string, _options: object, command: Command) => {
      const { client, output } = connect(shell, command)
      const verdict = isDigest(image)
        ? await verifyDigest(client, image)
        : await client.verify({ body: { image } })
      const { allowed, digest, reason, admission, recall } = verdict
      output.show(verdict, () =>
        fields({
          allowed: allowed ? 'yes' : 'no',
          reason,
          digest,
          request: admission?.request,
          'break-glass': admission?.breakGlass === true ? 'yes: let in without a quorum' : null,
          requester: admission?.requester,
          approvers: admission?.approvers.join(', '),
          at: admission?.at,
          recalled: recall === null ? null : `${recall.at}: ${recall.reason}`,
        }),
      )
      if (!allowed) throw new CliError('refused', `${image} was not let in: ${reason}`)
    })
}

async function verifyDigest(client: Client, digest: string): Promise<Verdict> {
  const { places } = await client.getDigest({ params: { digest } })
  const once = places.filter(({ admission }) => admission !== null)
  const admitted = once.filter(({ recall }) => recall === null)
  const named = admitted.map(({ feed, repository }) => `${feed}/${repository}`).join(', ')
  return {
    allowed: admitted.length > 0,
    digest,
    reason:
      admitted.length > 0
        ? `let into ${named}`
        : once.length > 0
          ? 'recalled'
          : 'no trusted repository that you may see holds it',
    admission: (admitted[0] ?? once[0])?.admission ?? null,
    recall: admitted.length > 0 ? null : (once[0]?.recall ?? null),
  }
}
