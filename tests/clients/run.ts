import { spawn } from 'node:child_process'

export type RunOptions = {
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  /** Sent on standard input. */
  readonly input?: string
}

/**
 * Runs a program to its end and answers what it wrote, both streams together.
 * @throws Error with that text when it fails, or is not there: a missing tool fails a test, never skips it
 */
export function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: options.cwd, env: { ...process.env, ...options.env } })
    let output = ''
    const collect = (chunk: string): void => void (output += chunk)
    child.stdout.setEncoding('utf8').on('data', collect)
    child.stderr.setEncoding('utf8').on('data', collect)
    child.on('error', (cause: NodeJS.ErrnoException) => {
      const hint = cause.code === 'ENOENT' ? ': `source .ci/tools.sh` puts the outside tools on the PATH' : ''
      reject(new Error(`${command} did not start${hint}`, { cause }))
    })
    child.on('close', (code) => {
      if (code === 0) resolve(output.trim())
      else reject(new Error(`${command} ${args.join(' ')} ended with ${code}:\n${output}`))
    })
    // A program may end without having read everything.
    child.stdin.on('error', () => {})
    child.stdin.end(options.input)
  })
}
