// npm run conformance: the official suite of the Distribution specification against a started
// service, authentication on, in both versions. The suite's exit code hides skips, so its results
// file is read and every item printed; anything but Pass fails, except what is listed here.
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { fail, prepare } from './prepare.mjs'
import { startService } from './service.mjs'

/** What a version disables by itself; sparse manifests conflict with refusing partial images. */
const disabled = {
  1.1: [
    'Blob upload cancel',
    'Manifest put with tag params',
    'Sparse Manifests',
    'Tag Param',
    'Tag Param sha512',
  ],
  dev: ['Sparse Manifests'],
}

// Looked for, not tried: whatever it is asked, it runs.
const folders = (process.env.PATH ?? '').split(path.delimiter)
if (!folders.some((folder) => fs.existsSync(path.join(folder, 'conformance')))) {
  fail('The program `conformance` is not on the PATH. `source .ci/tools.sh && install_go` installs it.')
}
await prepare()
const { parse } = await import('yaml')
const results = path.resolve('artifacts', 'conformance')
fs.rmSync(results, { recursive: true, force: true })

const service = await startService()
let passed = 0
let failed = 0
try {
  const password = randomBytes(18).toString('base64url')
  await service.call('POST', '/users', { username: 'conformance', password })
  const grants = await service.call('GET', '/feeds/dev/grants')
  const verbs = ['pull', 'push', 'delete']
  await service.call('PUT', '/feeds/dev/grants', [...grants.items, { principal: 'user:conformance', verbs }])
  for (const version of Object.keys(disabled)) await run(version, password)
} finally {
  await service.stop()
}
say(`\n${passed} passed, ${failed} failed`)
process.exitCode = failed === 0 && passed > 0 ? 0 : 1

function say(line) {
  process.stdout.write(`${line}\n`)
}

async function run(version, password) {
  const folder = path.join(results, version)
  fs.mkdirSync(folder, { recursive: true })
  const env = {
    ...process.env,
    OCI_REGISTRY: new URL(service.url).host,
    OCI_TLS: 'disabled',
    OCI_REPO1: `dev/conformance/${version.replace('.', '-')}/one`,
    OCI_REPO2: `dev/conformance/${version.replace('.', '-')}/two`,
    OCI_USERNAME: 'conformance',
    OCI_PASSWORD: password,
    OCI_RESULTS_DIR: folder,
    OCI_VERSION: version,
  }
  const log = fs.openSync(path.join(folder, 'output.txt'), 'w')
  const suite = spawn('conformance', { env, stdio: ['ignore', log, log] })
  await new Promise((resolve, reject) => suite.once('error', reject).once('exit', resolve))
  const report = parse(fs.readFileSync(path.join(folder, 'results.yaml'), 'utf8'))
  say(`\nDistribution specification, suite version ${version}`)
  for (const kind of ['apis', 'data']) {
    for (const [item, outcome] of Object.entries(report[kind])) {
      const allowed = disabled[version].includes(item) && outcome === 'Disabled'
      const good = outcome === 'Pass' || allowed
      if (outcome === 'Pass') passed += 1
      if (!good) failed += 1
      say(`  ${good ? '✓' : '✗'} ${kind}: ${item}: ${outcome}${allowed ? ' (allowed)' : ''}`)
    }
  }
}
