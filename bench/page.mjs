// docs/performance.md from artifacts/bench/: the tables are the run's, the prose is here.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { median } from './peers.mjs'
import { RESULTS } from './results.mjs'

const DOCKER = 'docker-registry 2.8'
const V3 = 'distribution 3'
const ZOT = 'zot'

/** Ratios that are asked for, of docker-registry and of distribution 3. */
const bars = [
  [/^manifest .*c=16/, 5, 1],
  [/^blob GET/, 1.1],
  [/^blob PUT/, 1.5],
  [/^8 parallel/, 1.5],
  [/^tag list of 10,000$/, 3],
]
const MEMORY_BARS = { api: 250, worker: 200 }

const shown = (value) =>
  value >= 100 ? Math.round(value).toLocaleString('en') : value >= 10 ? value.toFixed(1) : value.toFixed(2)
const times = (value) => `${value.toFixed(value >= 100 ? 0 : value >= 10 ? 1 : 2)}×`
const verdict = (met) => (met === undefined ? '' : met ? 'met' : '**not met**')
const table = (head, rows) =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')

function machineOf({ at, machine }) {
  const { cpus, model, memoryGB, node, loadBefore, loadAfter } = machine
  const load = [loadBefore, loadAfter].map((value) => value.toFixed(1)).join(' → ')
  const busy =
    loadBefore > cpus / 2 ? '; **others were using the machine: read the ratios, not the figures**' : ''
  return `${at.slice(0, 16).replace('T', ' ')} UTC, ${cpus} × ${model.trim()}, ${memoryGB} GB, Node ${node}, load ${load}${busy}.`
}

function registry(result) {
  const peers = [DOCKER, V3, ZOT].filter((peer) =>
    result.rows.some(({ medians }) => medians[peer] !== undefined),
  )
  const rows = result.rows.map(({ work, unit, better, medians }) => {
    const ratio = (peer) => {
      if (medians[peer] === undefined) return undefined
      return better === 'more' ? medians.sluice / medians[peer] : medians[peer] / medians.sluice
    }
    const [, ...wanted] = bars.find(([pattern]) => pattern.test(work)) ?? []
    const held = [DOCKER, V3].flatMap((peer, i) =>
      wanted[i] === undefined || ratio(peer) === undefined ? [] : ratio(peer) >= wanted[i],
    )
    const bar = wanted.length === 0 ? '' : wanted.map((value) => `≥ ${value}×`).join(', ')
    const cell = (peer) =>
      medians[peer] === undefined ? '–' : `${shown(medians[peer])} (${times(ratio(peer))})`
    return [
      `${work}, ${unit}`,
      shown(medians.sluice),
      ...peers.map(cell),
      bar,
      verdict(held.length === 0 ? undefined : held.every(Boolean)),
    ]
  })
  const memory = Object.entries(result.memory).map(([name, value]) => [
    name,
    `${value.toFixed(0)} MB`,
    `< ${MEMORY_BARS[name]} MB`,
    verdict(value < MEMORY_BARS[name]),
  ])
  return [
    HEADINGS.registry,
    `${machineOf(result)} Medians of ${result.rounds}, of blobs and lists ${result.rows.at(-1).values.sluice.length}; in brackets how many times better Sluice is than that one.`,
    table(['work', 'Sluice', ...peers, 'bar', ''], rows),
    'The most memory that a process held while a layer of 2 GB went in and out:',
    table(['process', 'peak', 'bar', ''], memory),
  ]
}

const promotionBars = { '184 MB': 20, '1.5 GB': 100 }

function promotion(result) {
  const rows = result.sizes.map(({ size, ran, fromApproval, skopeo }) => {
    const bar = promotionBars[size]
    const ratio = skopeo === null ? undefined : skopeo / ran
    return [
      size,
      shown(ran),
      skopeo === null ? '–' : `${shown(skopeo)} (${times(ratio)})`,
      bar === undefined ? '' : `≥ ${bar}×`,
      verdict(bar === undefined || ratio === undefined ? undefined : ratio >= bar),
      shown(fromApproval),
      verdict(fromApproval < 250),
    ]
  })
  return [
    HEADINGS.promotion,
    `${machineOf(result)} Milliseconds, medians of ${result.hostedRounds} promotions and ${result.rounds} copies. \`skopeo copy\` goes between two docker-registry processes, into an empty one.`,
    table(
      ['image', 'start to commit', 'skopeo copy', 'bar', '', 'approval to SUCCEEDED (bar 250)', ''],
      rows,
    ),
  ]
}

/** What is asked of the copier that runs in the worker: a ratio, and of whom; elsewhere nothing is. */
const copyBars = {
  '5MB': { ratio: 1 },
  '184MB': { ratio: 1.2 },
  '1500MB': { ratio: 1.2 },
  images50: { ratio: 2, of: 'skopeo sync' },
}
const OURS = 'sluice, resident'
const COPIER_MEMORY = 200

function copy(result) {
  const rows = result.cases.flatMap(({ name, results }) => {
    const of = (who, key) => median(results[who].map((one) => one[key]))
    const { ratio, of: named } = copyBars[name] ?? {}
    const peers = named ? [named] : Object.keys(results).filter((who) => !who.startsWith('sluice'))
    const fastest = Math.min(...peers.map((who) => of(who, 'wall')))
    return Object.keys(results).map((who) => {
      const asked = who === OURS && ratio !== undefined
      const [wall, memory] = [of(who, 'wall'), of(who, 'rss')]
      const bar = asked ? `≥ ${ratio}× ${named ?? 'the fastest'}, < ${COPIER_MEMORY} MB` : ''
      const met = asked ? fastest / wall >= ratio && memory < COPIER_MEMORY : undefined
      const seconds = asked ? `${wall.toFixed(2)} (${times(fastest / wall)})` : wall.toFixed(2)
      return [name, who, seconds, of(who, 'cpu').toFixed(2), memory.toFixed(0), bar, verdict(met)]
    })
  })
  return [
    HEADINGS.copy,
    `${machineOf(result)} Medians of ${result.rounds}; the copier alone, without the gates before it.`,
    table(['work', 'copier', 'seconds', 'its CPU seconds', 'its memory, MB', 'bar', ''], rows),
  ]
}

function web(result) {
  const rows = result.rows.map(({ network, view, cold, warm, bytes, requests, trips }) => [
    `${view}, ${network}`,
    shown(cold),
    network === '4G' ? '< 2,000' : '',
    verdict(network === '4G' ? cold < 2_000 : undefined),
    shown(warm),
    `${(bytes / 1000).toFixed(0)} kB in ${requests}`,
    String(trips),
  ])
  const networks = Object.entries(result.networks).map(
    ([name, { latency, downloadThroughput }]) =>
      `${name} is ${((downloadThroughput * 8) / 1e6).toFixed(1)} Mbit/s with ${latency} ms a round trip`,
  )
  return [
    HEADINGS.web,
    `${machineOf(result)} Milliseconds until a view can be read and answers to input, medians of ${result.rounds}, in Chromium on 1/${result.cpu} of this CPU; ${networks.join(', ')}. Signed in but for the sign-in, with 30 requests that wait; the service is on the same machine.`,
    table(
      ['view', 'nothing cached', 'bar', '', 'again', 'over the network', 'requests after one another'],
      rows,
    ),
    `What crossed the network is all that had come by then: what menus need and what is only counted is among it, though no view waits for it. Scripts that the page names, of which every first visit waits: ${(result.firstLoad / 1000).toFixed(0)} kB as gzip, of at most 250.`,
  ]
}

const INTRODUCTION = `# How fast it is

Written by \`npm run bench\` from its run: do not edit. Every contender has a folder of its own on the same disk, logs
errors alone, and takes its turn in every round. Authentication is on for Sluice and off for the others: each of its
requests carries a registry token. Requests come from a second process on the same machine, over 50 tags or digests.`

const LIMITS = readFileSync(path.join(import.meta.dirname, 'limits.md'), 'utf8').trim()

const SECTIONS = { registry, promotion, copy, web }
const HEADINGS = {
  registry: '## The registry',
  promotion: '## Promotion between hosted feeds',
  copy: '## Copies between two registries of others',
  web: '## The web app',
}

/** Writes the page from what the last runs left; what was not run here stays as it is written. */
export function writePage(file) {
  const before = existsSync(file) ? readFileSync(file, 'utf8').split(/^(?=## )/m) : []
  const parts = [INTRODUCTION]
  for (const [name, write] of Object.entries(SECTIONS)) {
    const found = path.join(RESULTS, `${name}.json`)
    const written = before.find((section) => section.startsWith(`${HEADINGS[name]}\n`))
    if (existsSync(found)) parts.push(...write(JSON.parse(readFileSync(found, 'utf8'))))
    else if (written !== undefined) parts.push(written.trim())
  }
  parts.push(LIMITS)
  writeFileSync(file, `${parts.join('\n\n')}\n`)
}
