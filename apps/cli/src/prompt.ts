import readline from 'node:readline'
import { Writable } from 'node:stream'
import { CliError } from './errors.ts'
import type { Shell } from './shell.ts'

/**
 * Asks on stderr and reads one line; `secret` echoes nothing.
 * @throws CliError `usage` when nobody is there to answer
 */
export async function ask(
  { stdin, stderr }: Shell,
  question: string,
  { secret = false, instead }: { secret?: boolean; instead: string },
): Promise<string> {
  if (stdin.isTTY !== true) {
    throw new CliError('usage', `nobody is there to answer "${question}": give ${instead}`)
  }
  // readline echoes to its output, and a secret's goes nowhere. The terminal's own echo is off from here on,
  // before the question invites anybody to type.
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() })
  const reader = readline.createInterface({
    input: stdin,
    output: secret ? nowhere : stderr,
    terminal: true,
    historySize: 0,
  })
  stderr.write(`${question}: `)
  try {
    return await new Promise((resolve, reject) => {
      reader.once('line', resolve)
      reader.once('SIGINT', () => reject(new CliError('failed', 'interrupted')))
      reader.once('close', () => reject(new CliError('usage', `"${question}" was not answered`)))
    })
  } finally {
    reader.close()
    if (secret) stderr.write('\n')
  }
}

const secretLimit = 4096

/** The first line of stdin, for --password-stdin. @throws CliError `usage` */
export async function readSecret({ stdin }: Shell): Promise<string> {
  let text = ''
  for await (const chunk of stdin) {
    text += String(chunk)
    if (text.length > secretLimit) throw new CliError('usage', `stdin holds more than a password`)
    if (text.includes('\n')) break
  }
  const line = text.split(/\r?\n/, 1)[0] ?? ''
  if (line === '') throw new CliError('usage', 'stdin holds no password')
  return line
}
