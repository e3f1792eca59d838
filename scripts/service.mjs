// A service of its own for a script: a free port, a temporary data folder, gone at the end.
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'

/**
 * Starts Sluice and signs in as its administrator.
 * @returns {Promise<{url: string, adminPassword: string, pid: number, log: string,
 *   call(method: string, path: string, body?: unknown): Promise<any>, stop(): Promise<void>}>}
 */
export async function startService(env = {}) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'sluice-service-'))
  // The embedded Postgres may run as another user, which must be able to reach its folder.
  fs.chmodSync(folder, 0o755)
  const adminPassword = randomBytes(18).toString('base64url')
  const log = path.join(folder, 'service.log')
  const child = spawn(process.execPath, ['scripts/start.mjs'], {
    env: {
      ...process.env,
      SLUICE_PORT: String(await freePort()),
      SLUICE_DATA_DIR: path.join(folder, 'data'),
      SLUICE_ADMIN_PASSWORD: adminPassword,
      ...env,
    },
    stdio: ['ignore', 'pipe', fs.openSync(log, 'w')],
  })
  const exited = new Promise((resolve) => child.once('exit', resolve))
  const stop = async () => {
    child.kill('SIGTERM')
    await exited
    fs.rmSync(folder, { recursive: true, force: true })
  }
  const url = await Promise.race([
    readyLine(child.stdout),
    exited.then(() => {
      throw new Error(`the service did not start:\n${fs.readFileSync(log, 'utf8').slice(-4000)}`)
    }),
  ])
  const session = { token: undefined }
  const call = async (method, route, body) => {
    const answer = await fetch(`${url}/api/v1${route}`, {
      method,
      headers: {
        ...(session.token ? { authorization: `Bearer ${session.token}` } : {}),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await answer.text()
    if (!answer.ok) throw new Error(`${method} ${route} answered ${answer.status}: ${text}`)
    return text === '' ? undefined : JSON.parse(text)
  }
  session.token = (await call('POST', '/auth/login', { username: 'admin', password: adminPassword })).token
  return { url, adminPassword, pid: child.pid, log, call, stop }
}

async function readyLine(stdout) {
  const lines = createInterface({ input: stdout })
  for await (const line of lines) {
    const ready = /^ready (\S+)$/.exec(line)
    if (ready) return ready[1]
  }
  return new Promise(() => {})
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = net.createServer().once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address()
      server.close(() => resolve(port))
    })
  })
}
