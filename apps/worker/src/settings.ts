import path from 'node:path'
import { type LogLevel, readEnvironment } from '@sluice/contract/environment'
import { WorkerError } from './errors.ts'

export interface Settings {
  /** Signs in as `sluice_worker`. */
  readonly databaseUrl: string
  /** Where the queue lives; without it, in the database. */
  readonly redisUrl: string | undefined
  readonly logLevel: LogLevel
  /** Absolute; the same as the api's, for the blobs in it. */
  readonly dataDir: string
  /** A bucket, in place of the data folder. */
  readonly storage: string | undefined
  /** Open the credentials of remote registries; the same as the api's. Without both, a file in the data folder. */
  readonly secretKey: string | undefined
  readonly secretKeyFile: string | undefined
}

/**
 * What the worker needs of the environment (outside contract: "Environment, all names"); the whole list is
 * checked, because in a container of its own nobody else does.
 * @throws EnvironmentError, WorkerError setting_missing
 */
export function readSettings(env: Readonly<Record<string, string | undefined>>): Settings {
  const { databaseUrl, redisUrl, logLevel, dataDir, storage, secretKey, secretKeyFile } = readEnvironment(env)
  if (databaseUrl === undefined) {
    throw new WorkerError(
      'setting_missing',
      'DATABASE_URL: a worker of its own needs the URL of the database, signing in as sluice_worker; npm start makes one by itself',
    )
  }
  return {
    databaseUrl,
    redisUrl,
    logLevel,
    dataDir: path.resolve(dataDir),
    storage,
    secretKey,
    secretKeyFile,
  }
}
