// npm run bench [-- name…]: what is fast, beside what others do it with, in one run; then docs/performance.md is
// written from artifacts/bench/. The machine should do nothing else.
import path from 'node:path'
import { fail, prepare, root, run } from './prepare.mjs'
import { writePage } from '../bench/page.mjs'

const benches = {
  registry: ['bench/registry/bench.mjs'],
  promotion: ['bench/promotion/bench.mjs'],
  copy: ['bench/copy/bench.mjs'],
  web: ['bench/web/bench.mjs'],
  gates: ['--conditions=sluice-source', '--import', 'tsx', 'bench/gates.ts'],
}
const asked = process.argv.slice(2)
const unknown = asked.find((name) => !Object.hasOwn(benches, name))
if (unknown !== undefined) fail(`there is no bench ${unknown}: ${Object.keys(benches).join(', ')}`)

const failed = []
await prepare()
for (const name of asked.length > 0 ? asked : Object.keys(benches)) {
  process.stdout.write(`\n# ${name}\n`)
  const { code } = await run(process.execPath, benches[name], { stdio: ['ignore', 'inherit', 'inherit'] })
  if (code !== 0) failed.push(name)
}
writePage(path.join(root, 'docs/performance.md'))
if (failed.length > 0) fail(`failed, or missed their bar: ${failed.join(', ')}`)
