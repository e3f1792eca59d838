// What every command of a clean clone needs first: the right Node, the dependencies, the build.
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'

export const root = path.resolve(import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname), '..')
const oldestNode = [20, 19]

/** Installs where package-lock.json asks for it, then runs a turbo task; quiet unless something fails. */
export async function prepare(task = 'build') {
  checkNode()
  if (!installed()) {
    process.stderr.write('installing dependencies …\n')
    // The versions and hashes of package-lock.json, which stays as it is. Not `npm ci`: that refuses a lock
    // file made where the registry has no binaries for other platforms.
    const { code } = await run(...npm('install', '--no-save', '--include=dev'), { stdio: ['ignore', 2, 2] })
    if (code !== 0) fail('npm install failed: its messages above say why')
  }
  const turbo = [path.join(root, 'node_modules/turbo/bin/turbo'), 'run', task, '--output-logs=errors-only']
  const { code, output } = await run(process.execPath, turbo)
  if (code !== 0) {
    process.stderr.write(output)
    fail(`turbo run ${task} failed`)
  }
}

/** Runs a program to its end; a signal to us ends it and then us. Without `stdio` its output is collected. */
export function run(command, args, { stdio = ['ignore', 'pipe', 'pipe'], env = {} } = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: root,
      stdio,
      env: { ...process.env, TURBO_TELEMETRY_DISABLED: '1', TURBO_NO_UPDATE_NOTIFIER: '1', ...env },
      shell: command.endsWith('.cmd'),
    })
    let output = ''
    const collect = (chunk) => (output += chunk)
    child.stdout?.setEncoding('utf8').on('data', collect)
    child.stderr?.setEncoding('utf8').on('data', collect)
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP']
    let signalled
    const forward = (signal) => {
      signalled = signal
      child.kill(signal)
    }
    for (const signal of signals) process.on(signal, forward)
    const ended = (code, message = '') => {
      for (const signal of signals) process.off(signal, forward)
      if (signalled !== undefined) process.kill(process.pid, signalled)
      else resolve({ code, output: output + message })
    }
    child.on('error', (error) => ended(1, `${command}: ${error.message}\n`))
    child.on('close', (code) => ended(code ?? 1))
  })
}

export function fail(message) {
  process.stderr.write(`${message}\n`)
  process.exit(1)
}

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number)
  if (major > oldestNode[0] || (major === oldestNode[0] && minor >= oldestNode[1])) return
  fail(`Sluice needs Node ${oldestNode.join('.')} or newer; this is ${process.versions.node}`)
}

/** Whether node_modules is what package-lock.json asks for, by the list npm leaves when it has finished. */
function installed() {
  const wanted = packagesOf('package-lock.json')
  const present = packagesOf('node_modules/.package-lock.json')
  if (wanted === undefined || present === undefined) return false
  return Object.entries(wanted).every(([folder, { version, optional, link }]) => {
    if (!folder.startsWith('node_modules/') && !folder.includes('/node_modules/')) return true
    if (present[folder] === undefined) return optional === true
    return link === true || present[folder].version === version
  })
}

function packagesOf(file) {
  try {
    return JSON.parse(fs.readFileSync(path.join(root, file), 'utf8')).packages
  } catch {
    return undefined
  }
}

function npm(...args) {
  const cli = process.env.npm_execpath
  if (cli?.endsWith('npm-cli.js')) return [process.execPath, [cli, ...args]]
  return [process.platform === 'win32' ? 'npm.cmd' : 'npm', args]
}
