/**
 * - `unknown_name`: a `SLUICE_*` variable that does not exist.
 * - `bad_value`: a value that breaks its variable's rule.
 */
export type EnvironmentErrorCode = 'unknown_name' | 'bad_value'

/** A variable of the environment that stops the start. Its message never quotes a secret. */
export class EnvironmentError extends Error {
  readonly code: EnvironmentErrorCode
  readonly variable: string
  readonly rule: string

  constructor(code: EnvironmentErrorCode, variable: string, rule: string) {
    super(`${variable}: ${rule}`)
    this.name = 'EnvironmentError'
    this.code = code
    this.variable = variable
    this.rule = rule
  }
}

/** The settings of every process, from the environment alone. Paths are as given, not yet absolute. */
export type Settings = ReturnType<typeof readEnvironment>

const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const
export type LogLevel = (typeof logLevels)[number]

/**
 * Reads the closed list of variables (outside contract: "Environment, all names"). An empty value counts as
 * absent. What Kubernetes injects for a Service named sluice is ignored.
 * @throws EnvironmentError naming the variable and the rule
 */
export function readEnvironment(env: Readonly<Record<string, string | undefined>>) {
  const given = new Map<string, string>()
  for (const [name, value] of Object.entries(env)) {
    if (value !== undefined && value !== '' && !injected(name, value)) given.set(name, value)
  }
  const read = <T>(name: string, check: Check<T>): T | undefined => {
    const value = given.get(name)
    return value === undefined ? undefined : check(value, name)
  }
  const settings = {
    port: read('SLUICE_PORT', port) ?? 8080,
    host: read('SLUICE_HOST', host) ?? '127.0.0.1',
    dataDir: read('SLUICE_DATA_DIR', text) ?? '.sluice',
    publicUrl: read('SLUICE_PUBLIC_URL', origin),
    instance: read('SLUICE_INSTANCE', instance),
    adminPassword: read('SLUICE_ADMIN_PASSWORD', password),
    storage: read('SLUICE_STORAGE', storage),
    logLevel: read('SLUICE_LOG_LEVEL', logLevel) ?? 'info',
    tlsCert: read('SLUICE_TLS_CERT', text),
    tlsKey: read('SLUICE_TLS_KEY', text),
    secretKey: read('SLUICE_SECRET_KEY', secretKey),
    secretKeyFile: read('SLUICE_SECRET_KEY_FILE', text),
    tokenKeyFile: read('SLUICE_TOKEN_KEY_FILE', text),
    logKeyFile: read('SLUICE_LOG_KEY_FILE', text),
    attestKeyFile: read('SLUICE_ATTEST_KEY_FILE', text),
    migrateDatabaseUrl: read('SLUICE_MIGRATE_DATABASE_URL', postgresUrl),
    databaseUrl: read('DATABASE_URL', postgresUrl),
    redisUrl: read('REDIS_URL', redisUrl),
    url: read('SLUICE_URL', httpUrl),
    token: read('SLUICE_TOKEN', token),
  }
  for (const name of given.keys()) {
    if (name.startsWith('SLUICE_') && !names.has(name)) {
      throw new EnvironmentError('unknown_name', name, `no such setting; there are ${[...names].join(' ')}`)
    }
  }
  if ((settings.tlsCert === undefined) !== (settings.tlsKey === undefined)) {
    const missing = settings.tlsCert === undefined ? 'SLUICE_TLS_CERT' : 'SLUICE_TLS_KEY'
    throw bad(missing, 'SLUICE_TLS_CERT and SLUICE_TLS_KEY are given together or not at all')
  }
  if (settings.secretKey !== undefined && settings.secretKeyFile !== undefined) {
    throw bad('SLUICE_SECRET_KEY_FILE', 'is not given together with SLUICE_SECRET_KEY')
  }
  if (settings.migrateDatabaseUrl !== undefined && settings.databaseUrl === undefined) {
    throw bad('SLUICE_MIGRATE_DATABASE_URL', 'needs DATABASE_URL, the database that the service then uses')
  }
  return settings
}

const names = new Set([
  'SLUICE_PORT',
  'SLUICE_HOST',
  'SLUICE_DATA_DIR',
  'SLUICE_PUBLIC_URL',
  'SLUICE_INSTANCE',
  'SLUICE_ADMIN_PASSWORD',
  'SLUICE_STORAGE',
  'SLUICE_LOG_LEVEL',
  'SLUICE_TLS_CERT',
  'SLUICE_TLS_KEY',
  'SLUICE_SECRET_KEY',
  'SLUICE_SECRET_KEY_FILE',
  'SLUICE_TOKEN_KEY_FILE',
  'SLUICE_LOG_KEY_FILE',
  'SLUICE_ATTEST_KEY_FILE',
  'SLUICE_MIGRATE_DATABASE_URL',
  'SLUICE_URL',
  'SLUICE_TOKEN',
])

/** Kubernetes describes a Service named sluice to every container of its namespace ("service links"). */
function injected(name: string, value: string): boolean {
  if (name === 'SLUICE_PORT') return /^(tcp|udp|sctp):\/\//.test(value)
  return name.startsWith('SLUICE_SERVICE_') || name.startsWith('SLUICE_PORT_')
}

type Check<T> = (value: string, name: string) => T

function bad(name: string, rule: string): EnvironmentError {
  return new EnvironmentError('bad_value', name, rule)
}

const text: Check<string> = (value) => value

const port: Check<number> = (value, name) => {
  if (!/^[0-9]{1,5}$/.test(value) || Number(value) > 65_535) {
    throw bad(name, `"${value}" is not a port number from 0 (any free one) to 65535`)
  }
  return Number(value)
}

const host: Check<string> = (value, name) => {
  if (!/^[A-Za-z0-9.:_-]{1,253}$/.test(value)) throw bad(name, `"${value}" is not an address or a host name`)
  return value
}

const instance: Check<string> = (value, name) => {
  if (!/^[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}$/.test(value)) {
    throw bad(
      name,
      `"${value}" is not a name of 1 to 128 letters, digits and . _ : / - (first a letter or digit)`,
    )
  }
  return value
}

const password: Check<string> = (value, name) => {
  if (value.length > 1024) throw bad(name, 'is longer than 1024 characters')
  return value
}

const secretKey: Check<string> = (value, name) => {
  if (value.length < 32) throw bad(name, 'has fewer than 32 characters')
  return value
}

const token: Check<string> = (value, name) => {
  if (!/^[\x21-\x7e]+$/.test(value)) throw bad(name, 'has a character that no token has')
  return value
}

const logLevel: Check<LogLevel> = (value, name) => {
  const level = logLevels.find((known) => known === value)
  if (level === undefined) throw bad(name, `"${value}" is none of ${logLevels.join(' ')}`)
  return level
}

const httpUrl: Check<string> = (value, name) => {
  parsed(value, name, ['http:', 'https:'])
  return value
}

const origin: Check<string> = (value, name) => {
  const url = parsed(value, name, ['http:', 'https:'])
  if (url.href !== `${url.origin}/`)
    throw bad(name, 'is a scheme, a host and a port alone, as in https://host:443')
  return url.origin
}

const storage: Check<string> = (value, name) => {
  if (parsed(value, name, ['s3:']).hostname === '')
    throw bad(name, 'names no bucket, as s3://bucket/prefix does')
  return value
}

const postgresUrl: Check<string> = (value, name) => {
  parsed(value, name, ['postgres:', 'postgresql:'])
  return value
}

const redisUrl: Check<string> = (value, name) => {
  parsed(value, name, ['redis:', 'rediss:'])
  return value
}

function parsed(value: string, name: string, schemes: readonly string[]): URL {
  const rule = `is a URL that starts with ${schemes.map((scheme) => `${scheme}//`).join(' or ')}`
  let url: URL
  try {
    url = new URL(value)
  } catch {
    throw bad(name, rule)
  }
  if (!schemes.includes(url.protocol) || !value.toLowerCase().startsWith(`${url.protocol}//`))
    throw bad(name, rule)
  return url
}
