// npm run lint: types, rules and format, side by side; nothing is changed.
import path from 'node:path'
import { prepare, root, run } from './prepare.mjs'

// The types of the database client are generated.
await prepare('generate')
const bin = (name) => path.join(root, 'node_modules', name)
const checks = [
  ['types', bin('typescript/bin/tsc'), '--noEmit', '-p', 'tsconfig.json'],
  ['types of the web app', bin('typescript/bin/tsc'), '--noEmit', '-p', 'apps/web/tsconfig.json'],
  ['rules', bin('oxlint/bin/oxlint'), '--type-aware', '--deny-warnings'],
  ['format', bin('@biomejs/biome/bin/biome'), 'format', '.'],
]
const results = await Promise.all(
  checks.map(async ([name, ...args]) => ({ name, ...(await run(process.execPath, args)) })),
)
for (const { name, code, output } of results) {
  process.stdout.write(`${code === 0 ? 'ok    ' : 'FAILED'} ${name}\n${code === 0 ? '' : output}`)
}
process.exit(results.every(({ code }) => code === 0) ? 0 : 1)
