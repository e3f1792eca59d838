import path from 'node:path'
import { EnvironmentError } from '@sluice/contract/environment'
import { expect, test } from 'vitest'
import { WorkerError } from './errors.ts'
import { readSettings } from './settings.ts'

const databaseUrl = 'postgres://sluice_worker:secret@127.0.0.1:5432/sluice'

test('the queue lives in the database unless Redis is named', () => {
  expect(readSettings({ DATABASE_URL: databaseUrl })).toEqual({
    databaseUrl,
    redisUrl: undefined,
    logLevel: 'info',
    dataDir: path.resolve('.sluice'),
    storage: undefined,
    secretKey: undefined,
    secretKeyFile: undefined,
  })
  const redisUrl = 'redis://127.0.0.1:6379/0'
  expect(
    readSettings({
      DATABASE_URL: databaseUrl,
      REDIS_URL: redisUrl,
      SLUICE_LOG_LEVEL: 'debug',
      SLUICE_DATA_DIR: '/data',
      SLUICE_STORAGE: 's3://b/p',
      SLUICE_SECRET_KEY: 'a secret of at least thirty-two letters',
    }),
  ).toEqual({
    databaseUrl,
    redisUrl,
    logLevel: 'debug',
    dataDir: '/data',
    storage: 's3://b/p',
    secretKey: 'a secret of at least thirty-two letters',
    secretKeyFile: undefined,
  })
})

test.each([
  ['no database', {}, WorkerError, 'setting_missing'],
  ['an unknown name', { DATABASE_URL: databaseUrl, SLUICE_WORKERS: '3' }, EnvironmentError, 'unknown_name'],
  ['a bad value', { DATABASE_URL: 'mysql://localhost' }, EnvironmentError, 'bad_value'],
])('%s stops the start', (_, env, type, code) => {
  expect(() => readSettings(env)).toThrow(type)
  expect(() => readSettings(env)).toThrow(expect.objectContaining({ code }))
})
