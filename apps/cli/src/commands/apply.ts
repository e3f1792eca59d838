import fs from 'node:fs'
import { text } from 'node:stream/consumers'
import type { Command } from 'commander'
import { readDocument } from '../apply/document.ts'
import { plan } from '../apply/plan.ts'
import { connect } from '../connect.ts'
import { define } from '../define.ts'
import { CliError, reasonOf } from '../errors.ts'
import type { Shell } from '../shell.ts'

type Options = { file: string; dryRun?: true }

export function apply(shell: Shell): Command {
  return define(
    'apply',
    'make feeds, grants and lanes as a YAML file says',
    'sluice apply -f sluice.yaml --dry-run',
  )
    .requiredOption('-f, --file <file>', 'the file; - is stdin')
    .option('--dry-run', 'only show what would change')
    .action(async ({ file, dryRun }: Options, command: Command) => {
      const document = readDocument(file === '-' ? await text(shell.stdin) : read(file), file)
      const { client, output } = connect(shell, command)
      // All is read and checked before the first change.
      const changes = await plan(client, document, shell.env)
      const shown: { kind: string; subject: string; diff: readonly string[]; waits?: string }[] = []
      for (const { kind, subject, diff, make } of changes) {
        const waits = dryRun === undefined ? await make() : null
        if (dryRun === undefined) {
          const what = kind === 'create' ? 'made' : 'changed'
          output.note(waits === null ? `${what} ${subject}` : `proposed ${subject}; ${waits}`)
        }
        shown.push({ kind, subject, diff, ...(waits !== null && { waits }) })
      }
      output.show({ dryRun: dryRun === true, changes: shown }, () =>
        shown.length === 0
          ? ['nothing to change']
          : shown.flatMap(({ kind, subject, diff }) => [
              `${kind} ${subject}`,
              ...diff.map((line) => `  ${line}`),
            ]),
      )
    })
}

function read(file: string): string {
  try {
    return fs.readFileSync(file, 'utf8')
  } catch (cause) {
    throw new CliError('usage', `${file} cannot be read: ${reasonOf(cause)}`, { cause })
  }
}
