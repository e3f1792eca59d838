// A well-behaved program: it tells its environment, listens as the api does, and ends with its supervisor.
import fs from 'node:fs'
import http from 'node:http'

export function serve({ seeded, listens, stubborn = false }) {
  const { DATABASE_URL, SLUICE_ADMIN_PASSWORD, SLUICE_DATA_DIR, SLUICE_PORT, SLUICE_MIGRATE_DATABASE_URL } = process.env
  const told = { pid: process.pid, argv: process.argv[1], DATABASE_URL, SLUICE_ADMIN_PASSWORD, SLUICE_DATA_DIR, SLUICE_PORT, SLUICE_MIGRATE_DATABASE_URL }
  fs.appendFileSync(process.env.FAKE_TRACE, `${JSON.stringify(told)}\n`)
  process.on('disconnect', () => process.exit(0))
  process.on('SIGTERM', () => stubborn || process.exit(0))
  if (!listens) {
    setInterval(() => undefined, 60_000)
    process.send({ type: 'ready' })
    return
  }
  http.createServer((_, response) => response.end('served')).listen(Number(SLUICE_PORT), '127.0.0.1', () => {
    process.send({ type: 'nonsense' })
    if (seeded) process.send({ type: 'seeded', username: 'admin', password: 's3same' })
    process.send({ type: 'ready', url: `http://127.0.0.1:${SLUICE_PORT}` })
  })
}
