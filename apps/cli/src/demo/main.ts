import { parseArgs } from 'node:util'
import { CallError } from '@sluice/contract'
import { toOrigin } from '../credentials.ts'
import { CliError, exitCodes, reasonOf } from '../errors.ts'
import { ask } from '../prompt.ts'
import { visible } from '../visible.ts'
import { demo } from './demo.ts'

/** A service that the demonstration starts itself. */
export type Started = { readonly url: string; readonly adminPassword: string; stop(): Promise<void> }

const usage = 'npm run demo [-- --url http://127.0.0.1:8080]'

/** `npm run demo`: against `--url`, else a service that `start` brings up. Answers the exit code. */
export async function main(args: readonly string[], start: () => Promise<Started>): Promise<number> {
  const colour = process.stdout.isTTY && !process.env.NO_COLOR
  const green = (text: string): string => (colour ? `\u001b[32m${text}\u001b[0m` : text)
  const say = (step: string, detail: string): void => {
    process.stdout.write(`${green('✓')} ${visible(step).padEnd(32)}  ${visible(detail)}\n`)
  }
  let service: Started | undefined
  try {
    const given = readUrl(args)
    if (given === undefined) {
      service = await start()
      say('started a service of its own', service.url)
    }
    const url = given ?? service?.url ?? ''
    const adminPassword = service?.adminPassword ?? (await adminPasswordOf(url))
    await demo({ url, adminPassword, run: Date.now().toString(36), say })
    return 0
  } catch (error) {
    const known = error instanceof CliError || error instanceof CallError
    process.stderr.write(`✗ ${visible(known ? error.message : String(error))}\n`)
    return error instanceof CliError ? exitCodes[error.code] : 1
  } finally {
    await service?.stop()
  }
}

function readUrl(args: readonly string[]): string | undefined {
  try {
    const { values } = parseArgs({ args: [...args], options: { url: { type: 'string' } } })
    return values.url === undefined ? undefined : toOrigin(values.url)
  } catch (cause) {
    if (cause instanceof CliError) throw cause
    throw new CliError('usage', `${reasonOf(cause)}. Usage: ${usage}`, { cause })
  }
}

async function adminPasswordOf(url: string): Promise<string> {
  const given = process.env.SLUICE_ADMIN_PASSWORD
  if (given !== undefined && given !== '') return given
  return ask(process, `Password of admin on ${url}`, { secret: true, instead: 'SLUICE_ADMIN_PASSWORD' })
}
