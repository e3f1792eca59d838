// Makes the roles and applies the migrations, once, as the owner of the database: what `npm start` does by
// itself, for an installation whose api and worker run on their own and never see the owner's password.
import fs from 'node:fs'
import { parseArgs } from 'node:util'
import { readEnvironment } from '@sluice/contract/environment'
import { prepareDatabase } from '@sluice/store'

const usage = 'usage: migrate.js --api-password-file FILE --worker-password-file FILE'

function readPassword(option: string, file: string | undefined): string {
  if (file === undefined) throw new Error(`--${option} is missing; ${usage}`)
  const password = fs.readFileSync(file, 'utf8').trim()
  if (password === '') throw new Error(`--${option}: ${file} is empty`)
  return password
}

try {
  const option = { type: 'string' } as const
  const { values } = parseArgs({ options: { 'api-password-file': option, 'worker-password-file': option } })
  const { migrateDatabaseUrl, databaseUrl } = readEnvironment(process.env)
  const ownerUrl = migrateDatabaseUrl ?? databaseUrl
  if (ownerUrl === undefined)
    throw new Error('DATABASE_URL is missing: the URL of the database, as its owner')
  const passwords = {
    api: readPassword('api-password-file', values['api-password-file']),
    worker: readPassword('worker-password-file', values['worker-password-file']),
  }
  await prepareDatabase({ ownerUrl, passwords })
  process.stdout.write('the database is ready\n')
} catch (error) {
  process.stderr.write(`migrate: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exit(1)
}
