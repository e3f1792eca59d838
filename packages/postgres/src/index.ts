export { ensureDatabase, withDatabase } from './database.ts'
export { PostgresError, type PostgresErrorCode } from './error.ts'
export { type PostgresOptions, type PostgresServer, startPostgres } from './server.ts'
