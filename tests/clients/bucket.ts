import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { until } from '@sluice/testkit'
import { freePort } from '../../scripts/service.mjs'

/** A bucket of a real server that speaks S3 (versitygw, from .ci/tools.sh), over a folder that goes with it. */
export async function startBucket() {
  const keys = { AWS_ACCESS_KEY_ID: 'sluice', AWS_SECRET_ACCESS_KEY: randomBytes(16).toString('hex') }
  const folder = await mkdtemp(join(tmpdir(), 'sluice-s3-'))
  await mkdir(join(folder, 'bucket'))
  const port = await freePort()
  const endpoint = `http://127.0.0.1:${port}`
  const access = ['--access', keys.AWS_ACCESS_KEY_ID, '--secret', keys.AWS_SECRET_ACCESS_KEY]
  const gateway = spawn('versitygw', ['--port', `127.0.0.1:${port}`, ...access, 'posix', folder], {
    stdio: 'ignore',
  })
  const failed = once(gateway, 'exit').then(() => {
    throw new Error('versitygw ended')
  })
  failed.catch(() => {})
  const answers = async () => {
    await (await fetch(endpoint)).body?.cancel()
    return true
  }
  await Promise.race([until(answers, { what: 'versitygw' }), failed])
  return {
    /** As the SDK looks for them in the environment. */
    keys,
    endpoint,
    /** Where its objects are files. */
    files: join(folder, 'bucket'),
    /** As `SLUICE_STORAGE`. */
    storage: (bucket = 'bucket', more = '') =>
      `s3://${bucket}/some/prefix?endpoint=${endpoint}&region=us-east-1&pathStyle=true${more}`,
    async stop(): Promise<void> {
      const ended = once(gateway, 'exit')
      gateway.kill()
      await ended
      await rm(folder, { recursive: true, force: true })
    },
  }
}

export type Bucket = Awaited<ReturnType<typeof startBucket>>
