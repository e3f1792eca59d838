// node bench/copy/bench.mjs [rounds [case…]]: registry to registry, ours beside skopeo, crane and regctl on the
// same two docker-registry processes. Needs `npm run build`, and on the PATH docker-registry, skopeo and GNU
// time; crane and regctl join where they are. Medians; CPU is of the copier's whole process tree.
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { pushBlob, pushImage, pushIndex } from './images.mjs'
import { randomBytes } from 'node:crypto'
import { save } from '../results.mjs'

const MB = 1e6
const folder = mkdtempSync(path.join(tmpdir(), 'sluice-bench-'))
const [runs, ...chosen] = [Number(process.argv[2] ?? 3), ...process.argv.slice(3)]
const has = (program) => {
  try {
    return execFileSync('which', [program]).length > 0
  } catch {
    return false
  }
}

async function startRegistry(name, port) {
  const data = path.join(folder, name)
  const config = path.join(folder, `${name}.yml`)
  const lines = [
    'version: 0.1',
    'log: {level: error, accesslog: {disabled: true}}',
    `storage: {filesystem: {rootdirectory: ${data}}}`,
    `http: {addr: "127.0.0.1:${port}"}`,
  ]
  writeFileSync(config, lines.join('\n'))
  const { REGISTRY_AUTH_FILE: _, ...env } = process.env
  const child = spawn('docker-registry', ['serve', config], { env, stdio: 'ignore' })
  const url = `http://127.0.0.1:${port}`
  for (let ready = false; !ready; )
    ready = await fetch(`${url}/v2/`).then(
      ({ ok }) => ok,
      () => false,
    )
  return { child, url, host: `127.0.0.1:${port}`, data, cpu: () => cpuOf(child.pid) }
}

function cpuOf(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1].split(' ')
  return (Number(fields[11]) + Number(fields[12])) / 100
}

const source = await startRegistry('source', 5731)
const destination = await startRegistry('destination', 5732)
const copier = spawn(process.execPath, [path.join(import.meta.dirname, 'copier.mjs')], {
  stdio: ['pipe', 'pipe', 'inherit'],
})
const measures = createInterface({ input: copier.stdout })[Symbol.asyncIterator]()

/** A program once, under GNU time. */
async function timed(command, args) {
  const report = path.join(folder, 'time')
  const began = performance.now()
  const child = spawn('time', ['-f', '%U %S %M', '-o', report, command, ...args], { stdio: 'ignore' })
  const [code] = await once(child, 'exit')
  const wall = (performance.now() - began) / 1000
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}`)
  const [user, system, rss] = readFileSync(report, 'utf8').trim().split(' ').map(Number)
  return { wall, cpu: user + system, rss: rss / 1024 }
}

const job = (repository, tags) =>
  `${JSON.stringify({ from: source.url, to: destination.url, repository, tags })}\n`
async function resident(repository, tags) {
  copier.stdin.write(job(repository, tags))
  return JSON.parse((await measures.next()).value)
}
const shell = (line) => timed('sh', ['-c', line])
const loop = (tags, one) => (tags.length === 1 ? one(tags[0]) : tags.map(one).join(' && '))
const flags = '--src-tls-verify=false --dest-tls-verify=false'
const contenders = {
  'sluice, resident': resident,
  'sluice, started': (repository, tags) => {
    const file = path.join(folder, 'job')
    writeFileSync(file, job(repository, tags))
    return shell(`exec ${process.execPath} ${path.join(import.meta.dirname, 'copier.mjs')} < ${file}`)
  },
  'skopeo copy --all': (repository, tags) =>
    shell(
      loop(
        tags,
        (tag) =>
          `skopeo copy -q --all ${flags} docker://${source.host}/${repository}:${tag} docker://${destination.host}/${repository}:${tag}`,
      ),
    ),
}
if (has('crane')) {
  contenders.crane = (repository, tags) =>
    tags.length === 1
      ? shell(
          `crane copy --insecure ${source.host}/${repository}:${tags[0]} ${destination.host}/${repository}:${tags[0]}`,
        )
      : shell(
          `crane copy --insecure --all-tags ${source.host}/${repository} ${destination.host}/${repository}`,
        )
}
if (has('regctl')) {
  const hosts = `--host reg=${source.host},tls=disabled --host reg=${destination.host},tls=disabled`
  contenders.regctl = (repository, tags) =>
    shell(
      loop(
        tags,
        (tag) =>
          `regctl image copy ${hosts} ${source.host}/${repository}:${tag} ${destination.host}/${repository}:${tag}`,
      ),
    )
}
const sync = (repository) =>
  shell(
    `skopeo sync --all --src docker --dest docker ${flags} ${source.host}/${repository} ${destination.host}`,
  )

const one = (sizes) => async (repository) => {
  await pushImage(source.url, repository, sizes, { tag: 'v1' })
  return ['v1']
}
const cases = {
  '5MB': { push: one([4.7 * MB]) },
  '184MB': { push: one(Array.from({ length: 8 }, () => 23 * MB)) },
  '1500MB': { push: one(Array.from({ length: 6 }, () => 250 * MB)) },
  present: { push: one(Array.from({ length: 8 }, () => 23 * MB)), keep: true },
  images50: {
    async push(repository) {
      const shared = []
      for (let i = 0; i < 5; i++) shared.push(await pushBlob(source.url, repository, randomBytes(4 * MB)))
      const tags = Array.from({ length: 50 }, (_, i) => `v${i}`)
      for (const tag of tags) await pushImage(source.url, repository, [MB / 2], { tag, shared })
      return tags
    },
    sync: true,
  },
  index40: {
    async push(repository) {
      await pushIndex(source.url, repository, 40, MB / 5, 'v1')
      return ['v1']
    },
  },
}

const found = []
const say = (line) => void process.stdout.write(`${line}\n`)
const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]
const wipe = () => rmSync(path.join(destination.data, 'docker'), { recursive: true, force: true })

async function measure(copy, repository, tags, keep) {
  if (!keep) wipe()
  const [from, to] = [source.cpu(), destination.cpu()]
  const result = await copy(repository, tags)
  return { ...result, from: source.cpu() - from, to: destination.cpu() - to }
}

try {
  for (const [name, { push, keep = false, sync: withSync = false }] of Object.entries(cases)) {
    if (chosen.length > 0 && !chosen.includes(name)) continue
    const repository = `bench-${name.toLowerCase()}`
    const tags = await push(repository)
    const field = { ...contenders, ...(withSync && { 'skopeo sync': sync }) }
    const results = Object.fromEntries(Object.keys(field).map((who) => [who, []]))
    if (keep) await measure(resident, repository, tags, false)
    // In turns, so that a noisy minute strikes all of them.
    for (let run = 0; run < runs; run++) {
      for (const [who, copy] of Object.entries(field))
        results[who].push(await measure(copy, repository, tags, keep))
    }
    say(`\n${name}, medians of ${runs} | wall s (min–max) | cpu s | RSS MB | registries' cpu s from/to`)
    found.push({ name, results })
    for (const [who, all] of Object.entries(results)) {
      const of = (key) => median(all.map((result) => result[key]))
      const walls = all.map(({ wall }) => wall)
      const range = `${Math.min(...walls).toFixed(3)}–${Math.max(...walls).toFixed(3)}`
      say(
        `${who} | ${of('wall').toFixed(3)} (${range}) | ${of('cpu').toFixed(2)} | ${of('rss').toFixed(0)} | ${of('from').toFixed(2)}/${of('to').toFixed(2)}`,
      )
    }
  }
  save('copy', { rounds: runs, cases: found })
} finally {
  copier.stdin.end()
  source.child.kill('SIGKILL')
  destination.child.kill('SIGKILL')
  rmSync(folder, { recursive: true, force: true })
}
