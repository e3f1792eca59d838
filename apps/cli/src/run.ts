import { CallError } from '@sluice/contract'
import { CommanderError } from 'commander'
import { fromCall, globals } from './connect.ts'
import { findServer } from './credentials.ts'
import { CliError, exitCodes } from './errors.ts'
import { createProgram } from './program.ts'
import type { Shell } from './shell.ts'
import { visible, visibleJson } from './visible.ts'

/** Runs one command line (without `node` and the program's name) and answers its exit code. */
export async function run(args: readonly string[], shell: Shell): Promise<number> {
  const program = createProgram(shell)
  try {
    await program.parseAsync([...args], { from: 'user' })
    return 0
  } catch (error) {
    // Commander has said by then what was wrong, with an example.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : exitCodes.usage
    const { url, json } = globals(program)
    const failure = asCliError(error, () => findServer(url, shell.env).url)
    report(failure, shell, json)
    return exitCodes[failure.code]
  }
}

function asCliError(error: unknown, url: () => string): CliError {
  if (error instanceof CliError) return error
  if (error instanceof CallError) return fromCall(error, url())
  return new CliError('failed', error instanceof Error ? error.message : String(error), { cause: error })
}

function report({ code, message, details, problem }: CliError, { stderr }: Shell, json: boolean): void {
  if (json) {
    stderr.write(`${visibleJson({ error: { code, message, details, problem } })}\n`)
    return
  }
  for (const line of [`error: ${message}`, ...details.map((detail) => `  ${detail}`)]) {
    stderr.write(`${visible(line)}\n`)
  }
}
