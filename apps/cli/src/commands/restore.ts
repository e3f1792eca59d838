import { type Command, InvalidArgumentError } from 'commander'
import { connect } from '../connect.ts'
import { define } from '../define.ts'
import { CliError } from '../errors.ts'
import { parseDigestOption, parseImage } from '../image.ts'
import { fields } from '../output.ts'
import type { Shell } from '../shell.ts'

type Options = { digest?: string; at?: string }

export function restore(shell: Shell): Command {
  return define(
    'restore',
    'point a tag at a digest that it was on before, as a new move',
    'sluice feeds restore dev/team/app:main --at 2026-11-23T12:00:00Z',
  )
    .argument('<image>', 'feed/repository:tag, in a feed that takes pushes')
    .option('--digest <digest>', 'the digest, as `sluice history` shows it', parseDigestOption)
    .option('--at <time>', 'what it was at this time', parseTime)
    .action(async (image: string, { digest, at }: Options, command: Command) => {
      const { feed, repository, tag } = parseImage(image)
      if (tag === null) throw new CliError('usage', 'name the tag, as feed/repository:tag')
      if ((digest === undefined) === (at === undefined)) {
        throw new CliError('usage', 'say where to go back to: either --digest or --at')
      }
      const { client, output } = connect(shell, command)
      const to = digest === undefined ? { ...(at !== undefined && { at }) } : { digest }
      const moved = await client.restoreTag({ params: { feed }, body: { repository, tag, ...to } })
      output.show(moved, () =>
        fields({ tag: `${feed}/${repository}:${moved.tag}`, from: moved.from ?? '(nothing)', to: moved.to }),
      )
    })
}

/** A time of ISO 8601, with its zone. */
export function parseTime(text: string): string {
  const time = /^\d{4}-\d\d-\d\dT.*(?:Z|[+-]\d\d:\d\d)$/.test(text) ? new Date(text) : new Date(Number.NaN)
  if (!Number.isNaN(time.getTime())) return time.toISOString()
  throw new InvalidArgumentError('expected a time with its zone, as 2026-11-23T12:00:00Z')
}
