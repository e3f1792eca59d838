// node bench/registry/bench.mjs [rounds]: the Distribution API beside Debian's docker-registry and distribution 3.
// Contenders take turns inside every round, so that a noisy minute strikes all of them. Authentication is on for
// Sluice alone. Needs `npm run build`; the machine should do nothing else.
import { spawn, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { json } from 'node:stream/consumers'
import { find, forgetPeak, median, peakMemory, startRegistry, startSluice, startZot } from '../peers.mjs'
import { save } from '../results.mjs'
import {
  blobOf,
  configOf,
  getJson,
  makeBlob,
  manifestOf,
  pullBlob,
  pushBlob,
  putManifest,
  timed,
} from './client.mjs'

const MB = 1e6
const rounds = Number(process.argv[2] ?? 3)
const MANIFESTS = 50
const SECONDS = 1
const TAGS = 10_000
/** What takes no second of its own is noisy: so many times the rounds. */
const OFTEN = 3
const folder = mkdtempSync(path.join(tmpdir(), 'sluice-bench-'))

const contenders = { sluice: await startSluice() }
const programs = { 'docker-registry 2.8': find('docker-registry'), 'distribution 3': find('registry') }
for (const [who, program] of Object.entries(programs)) {
  if (program) contenders[who] = await startRegistry(program, path.join(folder, who.replaceAll(/\W/g, '-')))
}
const zot = find('zot')
if (zot) contenders.zot = await startZot(zot, path.join(folder, 'zot'))
const rows = []

/** One row: every contender in each round; `better` says whether more or less is. */
async function row(work, unit, better, measure, times = rounds) {
  const values = Object.fromEntries(Object.keys(contenders).map((who) => [who, []]))
  for (let round = 0; round < times; round++) {
    for (const [who, contender] of Object.entries(contenders)) {
      // What one has left to be written, the next does not wait for.
      spawnSync('sync')
      values[who].push(await measure(contender))
    }
  }
  const medians = Object.fromEntries(Object.entries(values).map(([who, all]) => [who, median(all)]))
  rows.push({ work, unit, better, medians, values })
  const shown = Object.entries(medians).map(([who, value]) => `${who} ${value.toFixed(value < 10 ? 2 : 0)}`)
  process.stdout.write(`${work}, ${unit}: ${shown.join(' · ')}\n`)
}

async function load(contender, method, references, connections) {
  const { hostname, port } = new URL(contender.url)
  const job = {
    host: hostname,
    port: Number(port),
    method,
    paths: references.map((reference) => `/v2/${contender.name('bench/app')}/manifests/${reference}`),
    authorization: await contender.authorization('bench/app'),
    connections,
    seconds: SECONDS,
  }
  const child = spawn(process.execPath, [path.join(import.meta.dirname, 'load.mjs')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  child.stdin.end(JSON.stringify(job))
  return (await json(child.stdout)).rate
}

async function manifests() {
  const layer = blobOf(Buffer.from('layer'))
  const config = configOf([layer])
  const digests = []
  for (const contender of Object.values(contenders)) {
    for (const blob of [layer, config]) await pushBlob(contender, 'bench/app', blob)
    for (let i = 0; i < MANIFESTS; i++) {
      const bytes = manifestOf(config, [layer], String(i))
      digests[i] = await putManifest(contender, 'bench/app', `v${i}`, bytes)
    }
  }
  const tags = digests.map((_, i) => `v${i}`)
  for (const connections of [1, 16, 64]) {
    for (const { method, by, references } of [
      { method: 'GET', by: 'tag', references: tags },
      { method: 'GET', by: 'digest', references: digests },
      { method: 'HEAD', by: 'tag', references: tags },
      { method: 'HEAD', by: 'digest', references: digests },
    ]) {
      const measure = (contender) => load(contender, method, references, connections)
      await row(`manifest ${method} by ${by}, c=${connections}`, 'requests/s', 'more', measure)
    }
  }
}

async function blobs() {
  const size = 500 * MB
  const last = new Map()
  await row(
    'blob PUT, 500 MB',
    'MB/s',
    'more',
    async (contender) => {
      const blob = makeBlob(size)
      last.set(contender, blob)
      const { seconds } = await timed(() => pushBlob(contender, 'bench/blobs', blob))
      return size / MB / seconds
    },
    rounds * OFTEN,
  )
  await row(
    'blob GET, 500 MB',
    'MB/s',
    'more',
    async (contender) => {
      const { seconds } = await timed(() => pullBlob(contender, 'bench/blobs', last.get(contender)))
      return size / MB / seconds
    },
    rounds * OFTEN,
  )
  await row(
    '8 parallel pushes of 50 MB',
    's',
    'less',
    async (contender) => {
      const eight = Array.from({ length: 8 }, () => makeBlob(50 * MB))
      const push = (blob, i) => pushBlob(contender, `bench/parallel${i}`, blob)
      return (await timed(() => Promise.all(eight.map(push)))).seconds
    },
    rounds * OFTEN,
  )
}

/** Long before they are listed: nobody's ten thousand tags are all of the last minute, in which Postgres tidies up. */
async function makeTags() {
  const names = Array.from({ length: TAGS }, (_, i) => `t${String(i).padStart(5, '0')}`)
  const layer = blobOf(Buffer.from('layer'))
  const config = configOf([layer])
  const bytes = manifestOf(config, [layer], 'tags')
  for (const contender of Object.values(contenders)) {
    for (const blob of [layer, config]) await pushBlob(contender, 'bench/tags', blob)
    const digest = await putManifest(contender, 'bench/tags', 't00000', bytes)
    if (contender.folder === undefined) {
      for (let at = 0; at < TAGS; at += 100) {
        const query = names.slice(at, at + 100).map((name) => `tag=${name}`)
        await putManifest(contender, 'bench/tags', `${digest}?${query.join('&')}`, bytes)
      }
      continue
    }
    // What the peers write for a tag; ten thousand pushes would take minutes.
    if (contender === contenders.zot) {
      const at = path.join(contender.folder, 'bench/tags/index.json')
      const index = JSON.parse(readFileSync(at, 'utf8'))
      const [{ annotations: _, ...descriptor }] = index.manifests
      const tagged = (name) => ({ ...descriptor, annotations: { 'org.opencontainers.image.ref.name': name } })
      writeFileSync(at, JSON.stringify({ ...index, manifests: names.map(tagged) }))
      continue
    }
    const at = path.join(contender.folder, 'docker/registry/v2/repositories/bench/tags/_manifests/tags')
    for (const name of names) {
      mkdirSync(path.join(at, name, 'current'), { recursive: true })
      writeFileSync(path.join(at, name, 'current/link'), digest)
    }
  }
}

async function listTags() {
  const list = (query, wanted) => async (contender) => {
    const times = []
    const authorization = await contender.authorization('bench/tags')
    for (let i = 0; i < 5; i++) {
      const { value, seconds } = await getJson(contender, 'bench/tags', `tags/list${query}`, authorization)
      if (wanted(contender) !== value.tags.length) throw new Error(`${value.tags.length} tags`)
      times.push(seconds * 1000)
    }
    return median(times)
  }
  await row(
    'tag list of 10,000',
    'ms',
    'less',
    list('', () => TAGS),
    rounds * OFTEN,
  )
  // docker-registry 2.8 ignores n.
  const paged = ({ folder }) => (folder?.includes('docker-registry') ? TAGS : 100)
  await row('tag list of 10,000, n=100', 'ms', 'less', list('?n=100', paged), rounds * OFTEN)
}

async function memory() {
  const blob = makeBlob(2000 * MB)
  const contender = contenders.sluice
  const watched = { api: contender.apiPids, worker: [contender.workerPid] }
  for (const pid of Object.values(watched).flat()) forgetPeak(pid)
  await pushBlob(contender, 'bench/large', blob)
  await pullBlob(contender, 'bench/large', blob)
  // Of the api's processes, the one that held most.
  const peaks = Object.fromEntries(
    Object.entries(watched).map(([name, pids]) => [name, Math.max(...pids.map(peakMemory))]),
  )
  const shown = Object.entries(peaks).map(([name, value]) => `${name} ${value.toFixed(0)}`)
  process.stdout.write(`a 2 GB layer in and out, most memory, MB: ${shown.join(' · ')}\n`)
  return peaks
}

try {
  await makeTags()
  await manifests()
  await blobs()
  await listTags()
  save('registry', { rounds, rows, memory: await memory() })
} finally {
  for (const contender of Object.values(contenders)) await contender.stop()
  rmSync(folder, { recursive: true, force: true })
}
