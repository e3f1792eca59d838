import type { Input, Remote } from '@sluice/contract'
import { remoteBody } from '@sluice/contract'
import { z } from 'zod'
import { CliError } from '../errors.ts'

type RemoteBody = NonNullable<Input<'createFeed'>['body']['remote']>

/** Where a secret is: the name of an environment variable, since the file may be read by many. */
const variable = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/, {
  message: 'the name of an environment variable that holds the secret',
})

/** How the registry of a feed is reached, as a file may say it: as the API takes it, with names for secrets. */
export const remoteDocument = z.strictObject({
  ...remoteBody.shape,
  credentials: z
    .discriminatedUnion('type', [
      z.strictObject({
        type: z.literal('basic'),
        username: z.string().min(1).max(255),
        passwordEnv: variable,
      }),
      z.strictObject({ type: z.literal('refresh'), refreshTokenEnv: variable }),
    ])
    .nullable()
    .optional(),
  clientCertificate: z.strictObject({ cert: z.string(), keyEnv: variable }).nullable().optional(),
})
export type WantedRemote = z.input<typeof remoteDocument>

type Env = Readonly<Record<string, string | undefined>>

/** With the secrets in place of their names. @throws CliError `usage` naming the variable that is not set */
export function withSecrets(feed: string, wanted: WantedRemote, env: Env): RemoteBody {
  const { credentials, clientCertificate, ...plain } = wanted
  const secret = (name: string): string => {
    const value = env[name]
    if (value !== undefined && value !== '') return value
    throw new CliError('usage', `feed ${feed}: the environment variable ${name} is not set`)
  }
  return {
    ...plain,
    ...(credentials !== undefined && {
      credentials:
        credentials === null
          ? null
          : credentials.type === 'basic'
            ? { type: 'basic', username: credentials.username, password: secret(credentials.passwordEnv) }
            : { type: 'refresh', refreshToken: secret(credentials.refreshTokenEnv) },
    }),
    ...(clientCertificate !== undefined && {
      clientCertificate:
        clientCertificate === null
          ? null
          : { cert: clientCertificate.cert, key: secret(clientCertificate.keyEnv) },
    }),
  }
}

/** What can be compared and shown of it: everything but the secrets. */
export function withoutSecrets({ credentials, clientCertificate, ...plain }: WantedRemote): object {
  return {
    ...plain,
    ...(credentials !== undefined && {
      credentials:
        credentials?.type === 'basic'
          ? { type: 'basic', username: credentials.username }
          : credentials && { type: 'refresh' },
    }),
    ...(clientCertificate !== undefined && {
      clientCertificate: clientCertificate && { cert: clientCertificate.cert },
    }),
  }
}

/** The same of what the service has. */
export function withoutMarks({ credentials, clientCertificate, ...plain }: Remote): object {
  const unmarked = (of: object | null) =>
    of && Object.fromEntries(Object.entries(of).filter(([key]) => key !== 'set'))
  return { ...plain, credentials: unmarked(credentials), clientCertificate: unmarked(clientCertificate) }
}
