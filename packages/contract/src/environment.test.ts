import { expect, test } from 'vitest'
import { EnvironmentError, readEnvironment } from './environment.ts'

test('an empty environment gives the defaults', () => {
  const { port, host, dataDir, logLevel, ...rest } = readEnvironment({ PATH: '/bin', SLUICE_INSTANCE: '' })
  expect({ port, host, dataDir, logLevel }).toEqual({
    port: 8080,
    host: '127.0.0.1',
    dataDir: '.sluice',
    logLevel: 'info',
  })
  expect(Object.values(rest).every((value) => value === undefined)).toBe(true)
})

test('every name of the contract is read', () => {
  const given = {
    SLUICE_PORT: '0',
    SLUICE_HOST: '::1',
    SLUICE_DATA_DIR: '/var/lib/x y',
    SLUICE_PUBLIC_URL: 'https://Registry.example:443/',
    SLUICE_INSTANCE: 'registry.example/prod',
    SLUICE_ADMIN_PASSWORD: 'pässword',
    SLUICE_STORAGE: 's3://bucket/prefix?region=eu',
    SLUICE_LOG_LEVEL: 'debug',
    SLUICE_TLS_CERT: 'c.pem',
    SLUICE_TLS_KEY: 'k.pem',
    SLUICE_SECRET_KEY_FILE: 's',
    SLUICE_TOKEN_KEY_FILE: 't',
    SLUICE_LOG_KEY_FILE: 'l',
    SLUICE_ATTEST_KEY_FILE: 'a',
    SLUICE_MIGRATE_DATABASE_URL: 'postgres://owner:x@db/sluice',
    DATABASE_URL: 'postgresql:///sluice?host=/run/postgresql',
    REDIS_URL: 'rediss://:x@redis:6380/1',
    SLUICE_URL: 'http://127.0.0.1:8080',
    SLUICE_TOKEN: 'slt_abc',
  }
  expect(readEnvironment(given)).toEqual({
    port: 0,
    host: '::1',
    dataDir: '/var/lib/x y',
    publicUrl: 'https://registry.example',
    instance: 'registry.example/prod',
    adminPassword: 'pässword',
    storage: 's3://bucket/prefix?region=eu',
    logLevel: 'debug',
    tlsCert: 'c.pem',
    tlsKey: 'k.pem',
    secretKey: undefined,
    secretKeyFile: 's',
    tokenKeyFile: 't',
    logKeyFile: 'l',
    attestKeyFile: 'a',
    migrateDatabaseUrl: 'postgres://owner:x@db/sluice',
    databaseUrl: 'postgresql:///sluice?host=/run/postgresql',
    redisUrl: 'rediss://:x@redis:6380/1',
    url: 'http://127.0.0.1:8080',
    token: 'slt_abc',
  })
  expect(readEnvironment({ SLUICE_SECRET_KEY: 'k'.repeat(32) }).secretKey).toBe('k'.repeat(32))
})

test('what Kubernetes injects for a Service named sluice is ignored', () => {
  const injected = {
    SLUICE_PORT: 'tcp://10.0.0.7:8080',
    SLUICE_SERVICE_HOST: '10.0.0.7',
    SLUICE_SERVICE_PORT_HTTP: '8080',
    SLUICE_PORT_8080_TCP_ADDR: '10.0.0.7',
  }
  expect(readEnvironment(injected)).toEqual(readEnvironment({}))
})

const secret = 'hunter2'
const refused: [string, Record<string, string>][] = [
  ['SLUICE_PROT', { SLUICE_PROT: '1' }],
  ['SLUICE_', { SLUICE_: '1' }],
  ['SLUICE_PORT', { SLUICE_PORT: '65536' }],
  ['SLUICE_PORT', { SLUICE_PORT: '-1' }],
  ['SLUICE_PORT', { SLUICE_PORT: '80a' }],
  ['SLUICE_PORT', { SLUICE_PORT: ' 80' }],
  ['SLUICE_HOST', { SLUICE_HOST: 'a b' }],
  ['SLUICE_HOST', { SLUICE_HOST: 'http://a' }],
  ['SLUICE_PUBLIC_URL', { SLUICE_PUBLIC_URL: 'registry.example' }],
  ['SLUICE_PUBLIC_URL', { SLUICE_PUBLIC_URL: 'https://h/path' }],
  ['SLUICE_PUBLIC_URL', { SLUICE_PUBLIC_URL: `https://u:${secret}@h` }],
  ['SLUICE_INSTANCE', { SLUICE_INSTANCE: 'a\nb' }],
  ['SLUICE_ADMIN_PASSWORD', { SLUICE_ADMIN_PASSWORD: secret.repeat(200) }],
  ['SLUICE_STORAGE', { SLUICE_STORAGE: '/blobs' }],
  ['SLUICE_STORAGE', { SLUICE_STORAGE: 's3://' }],
  ['SLUICE_LOG_LEVEL', { SLUICE_LOG_LEVEL: 'INFO' }],
  ['SLUICE_TLS_KEY', { SLUICE_TLS_CERT: 'c.pem' }],
  ['SLUICE_TLS_CERT', { SLUICE_TLS_KEY: 'k.pem' }],
  ['SLUICE_SECRET_KEY', { SLUICE_SECRET_KEY: secret }],
  ['SLUICE_SECRET_KEY_FILE', { SLUICE_SECRET_KEY: 'k'.repeat(32), SLUICE_SECRET_KEY_FILE: 'f' }],
  ['SLUICE_MIGRATE_DATABASE_URL', { SLUICE_MIGRATE_DATABASE_URL: `postgres://o:${secret}@db/s` }],
  ['DATABASE_URL', { DATABASE_URL: `mysql://o:${secret}@db/s` }],
  ['DATABASE_URL', { DATABASE_URL: `o:${secret}@db` }],
  ['REDIS_URL', { REDIS_URL: `redis:${secret}` }],
  ['SLUICE_URL', { SLUICE_URL: 'ftp://h' }],
  ['SLUICE_TOKEN', { SLUICE_TOKEN: `${secret} x` }],
]

test.each(refused)('%s is refused by name: %o', (variable, env) => {
  const read = () => readEnvironment(env)
  expect(read).toThrow(EnvironmentError)
  const code = variable === 'SLUICE_PROT' || variable === 'SLUICE_' ? 'unknown_name' : 'bad_value'
  expect(read).toThrow(expect.objectContaining({ code, variable }))
  expect(read).not.toThrow(secret)
})
