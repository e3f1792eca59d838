import { feedBody, grantsBody, laneBody } from '@sluice/contract'
import { parseDocument } from 'yaml'
import { z } from 'zod'
import { CliError, reasonOf } from '../errors.ts'
import { remoteDocument } from './remote.ts'

const feedDocument = z
  .strictObject({ ...feedBody.shape, remote: remoteDocument.optional() })
  .refine(({ kind, remote }) => (kind === 'hosted') === (remote === undefined), {
    path: ['remote'],
    message: 'a remote or proxy feed says how its registry is reached, and a hosted one has none',
  })
  .refine(({ kind, cache }) => kind === 'proxy' || cache === undefined, {
    path: ['cache'],
    message: 'only a proxy feed is a cache',
  })

const schema = z.strictObject({
  feeds: z.array(feedDocument).default([]),
  grants: z.record(z.string(), grantsBody).default({}),
  lanes: z.array(laneBody).default([]),
})

/** What `apply` makes so. What a feed or lane leaves out is made by default, and left as it is afterwards. */
export type Wanted = z.input<typeof schema>

const sizeLimit = 1_000_000

/**
 * Reads the YAML file of `apply`: `feeds` and `lanes` as the API takes them, but for secrets, which it names; `grants` by feed (all of them).
 * @throws CliError `usage` naming line or field
 */
export function readDocument(text: string, file: string): Wanted {
  const refuse = (details: readonly string[]): CliError =>
    new CliError('usage', `${file} is not a configuration`, { details })
  if (text.length > sizeLimit) throw refuse(['it is larger than 1 MB'])
  const document = parseDocument(text)
  if (document.errors.length > 0)
    throw refuse(document.errors.map(({ message }) => message.split('\n', 1)[0] ?? ''))
  let value: unknown
  try {
    // Aliases that multiply ("billion laughs") are refused by the library's own count.
    value = document.toJS({ maxAliasCount: 100 })
  } catch (cause) {
    throw refuse([reasonOf(cause)])
  }
  check(value, refuse)
  // As written: a default must not overwrite what the file does not speak of.
  return value
}

function check(value: unknown, refuse: (details: readonly string[]) => CliError): asserts value is Wanted {
  const parsed = schema.safeParse(value)
  if (!parsed.success) {
    throw refuse(parsed.error.issues.map(({ path, message }) => `${where(path)}: ${message}`))
  }
  for (const key of ['feeds', 'lanes'] as const) {
    const names = parsed.data[key].map(({ name }) => name)
    const twice = names.find((name, at) => names.indexOf(name) !== at)
    if (twice !== undefined) throw refuse([`${key}: "${twice}" is there twice`])
  }
}

function where(path: readonly PropertyKey[]): string {
  return (
    path
      .map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
      .join('')
      .slice(1) || 'the file'
  )
}
