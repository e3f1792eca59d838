// The copier as the worker is: one process that stays. A job a line on stdin, its measure a line on stdout.
import { createInterface } from 'node:readline'
import { copyGraph, memoryJournal, openRegistry } from '@sluice/oci'

const IMAGES_AT_ONCE = 8

async function copyOne(source, destination, tag, journal) {
  const root = await source.resolve(tag)
  const { manifest } = await copyGraph({ source, destination, root, journal })
  await destination.putManifest(manifest, tag)
}

async function run({ from, to, repository, tags }) {
  const open = (baseUrl) => openRegistry({ baseUrl, plainHttp: 'loopback' })
  const [a, b] = [open(from), open(to)]
  const [source, destination] = [a.repository(repository), b.repository(repository, 'pull,push')]
  const journal = memoryJournal()
  const waiting = [...tags]
  const work = async () => {
    for (let tag = waiting.shift(); tag !== undefined; tag = waiting.shift())
      await copyOne(source, destination, tag, journal)
  }
  await Promise.all(Array.from({ length: IMAGES_AT_ONCE }, work))
  a.close()
  b.close()
}

for await (const line of createInterface({ input: process.stdin })) {
  const [began, cpu] = [performance.now(), process.cpuUsage()]
  await run(JSON.parse(line))
  const { user, system } = process.cpuUsage(cpu)
  const wall = (performance.now() - began) / 1000
  const measure = { wall, cpu: (user + system) / 1e6, rss: process.resourceUsage().maxRSS / 1024 }
  process.stdout.write(`${JSON.stringify(measure)}\n`)
}
