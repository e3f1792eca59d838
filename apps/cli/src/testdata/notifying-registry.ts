import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { freePort, until, wantProgram } from '@sluice/testkit'

/** Whom it lets in; the hash is bcrypt's, which is all that it reads. */
export const LOGIN = { user: 'ci', password: 'there-is-one' }
const HTPASSWD = 'ci:$2b$04$LPfLKnwrpmih/V6LW.Km6.kWkAdJlacFEwOiKzee0UQWWQiT2Gc2S\n'

/** docker-registry with sign-in, to be started when it is known where it notifies. */
export async function notifyingRegistry() {
  await wantProgram('docker-registry')
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'sluice-cli-registry-'))
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  let child: ChildProcess | undefined
  return {
    url,
    /** As `sluice feeds notification-key --json` answers. */
    async start(notify: { readonly url: string; readonly authorization: string }): Promise<void> {
      const passwords = path.join(folder, 'htpasswd')
      fs.writeFileSync(passwords, HTPASSWD)
      const config = path.join(folder, 'config.yml')
      fs.writeFileSync(
        config,
        [
          'version: 0.1',
          'log: {level: error, accesslog: {disabled: true}}',
          `storage: {filesystem: {rootdirectory: ${path.join(folder, 'data')}}, delete: {enabled: true}}`,
          `http: {addr: "127.0.0.1:${port}"}`,
          `auth: {htpasswd: {realm: there, path: ${passwords}}}`,
          'notifications:',
          '  endpoints:',
          `    - {name: sluice, url: "${notify.url}", headers: {Authorization: ["${notify.authorization}"]}, timeout: 5s, threshold: 3, backoff: 1s}`,
          '',
        ].join('\n'),
      )
      const { REGISTRY_AUTH_FILE: _, ...env } = process.env
      child = spawn('docker-registry', ['serve', config], { env, stdio: 'ignore' })
      await until(async () => (await fetch(`${url}/v2/`)).status === 401, { what: 'docker-registry', timeoutMs: 20_000 })
    },
    async stop(): Promise<void> {
      if (child !== undefined && child.exitCode === null) {
        const gone = once(child, 'exit')
        child.kill('SIGKILL')
        await gone
      }
      fs.rmSync(folder, { recursive: true, force: true })
    },
  }
}
