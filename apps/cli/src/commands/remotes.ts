import fs from 'node:fs'
import type { ConnectionTest, Feed, Input } from '@sluice/contract'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { connect } from '../connect.ts'
import { define, several } from '../define.ts'
import { CliError, reasonOf } from '../errors.ts'
import { fields, table } from '../output.ts'
import { readSecret } from '../prompt.ts'
import type { Shell } from '../shell.ts'

type RemoteBody = NonNullable<Input<'createFeed'>['body']['remote']>

export type CredentialOptions = {
  username?: string
  passwordStdin?: true
  refreshTokenStdin?: true
}

export type RemoteOptions = CredentialOptions & {
  kind: Feed['kind']
  registry?: string
  prefix?: string
  realm?: string[]
  ca?: string
  proxy?: string
  plainHttp?: string[]
  privateHost?: string[]
  bandwidth?: number
  keepDays?: number
  repository?: string[]
}

/** Adds what says how the registry of a remote or proxy feed is reached. */
export function withRemoteOptions(command: Command): Command {
  const made = command
    .addOption(
      new Option(
        '--kind <kind>',
        'hosted: stored here; remote: in a registry elsewhere; proxy: a cache of one, filled by what is pulled',
      )
        .choices(['hosted', 'remote', 'proxy'])
        .default('hosted'),
    )
    .option('--registry <url>', 'of a remote or proxy feed: https://HOST[:PORT]')
    .option('--prefix <name>', 'before the repository names there')
  return withCredentialOptions(made)
    .option('--realm <origin>', 'where else its tokens may come from, repeatable', several)
    .option('--ca <file>', 'PEM of the authority of its certificate')
    .option('--proxy <url>', 'an http proxy on the way')
    .option('--plain-http <host>', 'may be spoken to without TLS, or loopback; repeatable', several)
    .option('--private-host <host>', 'may have an address inside your network, repeatable', several)
    .option('--bandwidth <bytes>', 'a second, at the most', parseBytes)
    .option('--keep-days <days>', 'of a proxy: what nobody pulled for so long goes', parseDays)
    .option('--repository <name>', 'to be listed, repeatable: its registry is not asked for a list', several)
}

/** A whole number of days. */
export function parseDays(text: string): number {
  if (!/^[1-9][0-9]{0,4}$/.test(text)) throw new InvalidArgumentError('It is a number of days, at least 1.')
  return Number(text)
}

export function withCredentialOptions(command: Command): Command {
  return command
    .option('--username <name>', 'who signs in there')
    .option('--password-stdin', 'read the password from stdin')
    .option('--refresh-token-stdin', 'read a refresh token from stdin')
}

function parseBytes(text: string): number {
  if (!/^[1-9][0-9]{3,14}$/.test(text))
    throw new InvalidArgumentError('It is a number of bytes, at least 1024.')
  return Number(text)
}

/** The settings that the options say; undefined for a hosted feed. @throws CliError `usage` */
export async function remoteOf(shell: Shell, options: RemoteOptions): Promise<RemoteBody | undefined> {
  const { kind, registry, plainHttp } = options
  if (kind === 'hosted') {
    if (registry === undefined) return undefined
    throw new CliError('usage', '--registry is for --kind remote and --kind proxy')
  }
  if (registry === undefined)
    throw new CliError('usage', `a ${kind} feed needs --registry https://HOST[:PORT]`)
  const credentials = await credentialsOf(shell, options)
  return {
    url: registry,
    ...(credentials && { credentials }),
    ...(options.prefix !== undefined && { prefix: options.prefix }),
    ...(options.realm && { realmAllowList: options.realm }),
    ...(options.ca !== undefined && { ca: readFile(options.ca) }),
    ...(options.proxy !== undefined && { proxy: options.proxy }),
    ...(plainHttp && { plainHttp: plainHttp.includes('loopback') ? 'loopback' : plainHttp }),
    ...(options.privateHost && { privateHosts: options.privateHost }),
    ...(options.bandwidth !== undefined && { bandwidth: options.bandwidth }),
    ...(options.repository && { repositories: options.repository }),
  }
}

/** @throws CliError `usage` */
async function credentialsOf(
  shell: Shell,
  { username, passwordStdin, refreshTokenStdin }: CredentialOptions,
): Promise<RemoteBody['credentials']> {
  if (refreshTokenStdin === true) return { type: 'refresh', refreshToken: await readSecret(shell) }
  if (username === undefined && passwordStdin === undefined) return undefined
  if (username === undefined || passwordStdin === undefined) {
    throw new CliError('usage', '--username and --password-stdin go together')
  }
  return { type: 'basic', username, password: await readSecret(shell) }
}

function readFile(file: string): string {
  try {
    return fs.readFileSync(file, 'utf8')
  } catch (cause) {
    throw new CliError('usage', `${file} cannot be read: ${reasonOf(cause)}`, { cause })
  }
}

export const setCredentials = (shell: Shell): Command =>
  withCredentialOptions(
    define(
      'credentials',
      'give a remote or proxy feed other credentials; without any, none',
      'sluice feeds credentials prod --username ci --password-stdin',
    ).argument('<feed>', 'its name'),
  ).action(async (feed: string, options: CredentialOptions, command: Command) => {
    const credentials = (await credentialsOf(shell, options)) ?? null
    const { client, output } = connect(shell, command)
    const changed = await client.updateFeed({ params: { feed }, body: { remote: { credentials } } })
    const told = credentials === null ? 'has no credentials now' : 'has other credentials now'
    output.show(changed, () => [`feed ${feed} ${told}; try them: sluice feeds test ${feed}`])
  })

export const testFeed = (shell: Shell): Command =>
  define(
    'test',
    'try to reach the registry of a remote or proxy feed',
    'sluice feeds test prod --repository team/app',
  )
    .argument('<feed>', 'its name')
    .option('--repository <name>', 'and to read this repository')
    .action(async (feed: string, { repository }: { repository?: string }, command: Command) => {
      const { client, output } = connect(shell, command)
      const body = repository === undefined ? {} : { repository }
      const tried = await client.testConnection({ params: { feed }, body })
      output.show(tried, () => show(tried))
      if (!tried.ok) throw new CliError('failed', tried.message)
    })

const show = ({ host, steps }: ConnectionTest): string[] => [
  ...fields({ host }),
  ...table(
    ['STEP', 'RESULT', ''],
    steps.map(({ step, ok, message }) => [step, ok ? 'ok' : 'failed', message]),
  ),
]

export const notificationKey = (shell: Shell): Command =>
  define(
    'notification-key',
    'where the registry of a remote feed sends its notifications, and with what header',
    'sluice feeds notification-key prod',
  )
    .argument('<feed>', 'its name')
    .action(async (feed: string, _options: object, command: Command) => {
      const { client, output } = connect(shell, command)
      const key = await client.getNotificationKey({ params: { feed } })
      output.show(key, () => fields({ url: key.url, authorization: key.authorization }))
    })
