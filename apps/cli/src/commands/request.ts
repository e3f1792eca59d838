import { type Input, type RequestKind, requestKinds } from '@sluice/contract'
import { type Command, Option } from 'commander'
import { connect } from '../connect.ts'
import { define, several } from '../define.ts'
import { parseDuration } from '../duration.ts'
import { CliError } from '../errors.ts'
import { createFollower } from '../follow.ts'
import type { Shell } from '../shell.ts'
import { outcome, showRequest } from '../show-request.ts'
import { waitForEnd } from '../wait.ts'

type Options = {
  lane: string
  kind?: RequestKind
  tag?: readonly string[]
  targetRepository?: string
  reason?: string
  link?: readonly string[]
  idempotencyKey?: string
  wait?: true
  timeout?: string
}

export function request(shell: Shell): Command {
  return define(
    'request',
    'ask to promote an image along a lane',
    'sluice request team/app:1.4.2 --lane dev-to-trusted --reason "release 1.4.2" --wait',
  )
    .argument('<image>', "repository:tag or repository@digest in the lane's first feed")
    .requiredOption('--lane <lane>', 'the lane')
    .addOption(
      new Option(
        '--kind <kind>',
        'rollback and restore name images of the feed that the lane leads to',
      ).choices(requestKinds),
    )
    .option('--tag <tag>', 'tag to set in the target, repeatable (default: the source tag)', several)
    .option('--target-repository <name>', 'repository in the target (default: the same)')
    .option('--reason <text>', 'why')
    .option('--link <name=url>', 'where more is to be read, repeatable', several)
    .option('--idempotency-key <key>', 'the same key asks for the same request once in 24 hours')
    .option('--wait', 'until it is promoted, rejected or over')
    .option('--timeout <duration>', 'how long to wait, as 30m or 2h (default: as long as it takes)')
    .action(async (image: string, options: Options, command: Command) => {
      if (options.timeout !== undefined && options.wait === undefined) {
        throw new CliError('usage', '--timeout needs --wait')
      }
      const timeoutMs = options.timeout === undefined ? undefined : parseDuration(options.timeout)
      const body = toBody(image, options)
      const { client, output } = connect(shell, command)
      const key = options.idempotencyKey
      const headers = key === undefined ? {} : { 'idempotency-key': key }
      const { status, body: made } = await client.send('createRequest', { headers, body })
      if (status === 200) output.note(`request ${made.id} was already there`)
      if (options.wait === undefined) {
        output.show(made, () => showRequest(made))
        return
      }
      output.note(`request ${made.id}`)
      const ended = await waitForEnd(client, made.id, { timeoutMs, follower: createFollower(shell) })
      output.show(ended, () => showRequest(ended))
      outcome(ended)
    })
}

function toBody(image: string, options: Options): Input<'createRequest'>['body'] {
  const links = (options.link ?? []).map((link) => {
    const at = link.indexOf('=')
    if (at < 1) throw new CliError('usage', `--link "${link}" is not name=url`)
    return [link.slice(0, at), link.slice(at + 1)] as const
  })
  return {
    lane: options.lane,
    ...(options.kind === undefined ? {} : { kind: options.kind }),
    image,
    ...(options.tag === undefined ? {} : { targetTags: [...options.tag] }),
    ...(options.targetRepository === undefined ? {} : { targetRepository: options.targetRepository }),
    ...(options.reason === undefined ? {} : { reason: options.reason }),
    ...(links.length === 0 ? {} : { links: Object.fromEntries(links) }),
  }
}
