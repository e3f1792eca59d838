// A service of its own for a script: a free port, a temporary data folder, gone at the end.
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { root } from './prepare.mjs'

/**
 * Starts Sluice and signs in as its administrator. On a `folder` of an earlier start it goes on where that one
 * ended; without one it has a folder of its own, which `stop` removes.
 */
export async function startService({ env = {}, folder } = {}) {
  const home = folder ?? makeFolder()
  const password = path.join(home, 'admin-password')
  if (!fs.existsSync(password)) fs.writeFileSync(password, randomBytes(18).toString('base64url'))
  const adminPassword = fs.readFileSync(password, 'utf8')
  const log = path.join(home, 'service.log')
  const child = spawn(process.execPath, [path.join(root, 'scripts/start.mjs')], {
    env: {
      ...process.env,
      SLUICE_PORT: String(await freePort()),
      SLUICE_DATA_DIR: path.join(home, 'data'),
      SLUICE_ADMIN_PASSWORD: adminPassword,
      ...env,
    },
    stdio: ['ignore', 'pipe', fs.openSync(log, 'a')],
  })
  const exited = new Promise((resolve) => child.once('exit', resolve))
  const stop = async () => {
    child.kill('SIGTERM')
    await exited
    if (folder === undefined) fs.rmSync(home, { recursive: true, force: true })
  }
  const url = await Promise.race([
    readyLine(child.stdout),
    exited.then(() => {
      throw new Error(`the service did not start:\n${fs.readFileSync(log, 'utf8').slice(-4000)}`)
    }),
  ])
  const { token } = await call(url, 'POST', '/auth/login', {
    body: { username: 'admin', password: adminPassword },
  })
  return {
    url,
    adminPassword,
    pid: child.pid,
    log,
    exited,
    stop,
    call: (method, route, body) => call(url, method, route, { body, token }),
  }
}

/** A folder for `startService` that several starts share; the caller removes it. */
export function makeFolder() {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'sluice-service-'))
  // The embedded Postgres may run as another user, which must be able to reach its folder.
  fs.chmodSync(folder, 0o755)
  return folder
}

/** One call of `/api/v1` as the holder of a token. Throws what the problem document says. */
export async function call(url, method, route, { body, token } = {}) {
  const headers = {}
  if (token !== undefined) headers.authorization = `Bearer ${token}`
  if (body !== undefined) headers['content-type'] = 'application/json'
  const answer = await fetch(`${url}/api/v1${route}`, {
    method,
    headers,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const text = await answer.text()
  if (!answer.ok) throw new Error(`${method} ${route} answered ${answer.status}: ${text}`)
  return text === '' ? undefined : JSON.parse(text)
}

async function readyLine(stdout) {
  const lines = createInterface({ input: stdout })
  for await (const line of lines) {
    const ready = /^ready (\S+)$/.exec(line)
    if (ready) return ready[1]
  }
  return new Promise(() => {})
}

/** A port of the loopback interface that nobody uses right now. */
export function freePort() {
  return new Promise((resolve, reject) => {
    const server = net.createServer().once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address()
      server.close(() => resolve(port))
    })
  })
}
