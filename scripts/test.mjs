// npm test: every test but those that need outside tools; `clients` runs those, `queue` once more what
// stands on the queue. Ends with the count.
import fs from 'node:fs'
import path from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { writeTable } from './clients.mjs'
import { fail, prepare, root, run } from './prepare.mjs'

const choices = {
  tests: ['--project', '!clients'],
  clients: ['--project', 'clients'],
  queue: ['--project', 'pg', '--project', 'e2e', 'apps/worker'],
}
const chosen = process.argv[2] ?? 'tests'
if (!(chosen in choices)) fail(`there is no choice ${chosen}: ${Object.keys(choices).join(', ')}`)
const report = path.join(root, 'artifacts', `${chosen}.json`)

await prepare()
fs.rmSync(report, { force: true })
const vitest = [path.join(root, 'node_modules/vitest/vitest.mjs'), 'run', ...choices[chosen]]
const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`]
const { code } = await run(process.execPath, [...vitest, ...reporters], {
  stdio: ['ignore', 'inherit', 'inherit'],
})

if (chosen === 'clients') writeTable(report)
const { passed, failed, skipped } = count()
tellFailures()
if (skipped > 0) process.stdout.write(`${skipped} skipped: a test that does not run proves nothing\n`)
process.stdout.write(`${passed} passed, ${failed} failed\n`)
process.exit(code === 0 && failed === 0 && skipped === 0 && passed > 0 ? 0 : 1)

/** A file that broke outside its tests, and a run that failed without a failed test, count as one failure. */
function count() {
  if (!fs.existsSync(report)) return { passed: 0, failed: 1, skipped: 0 }
  const { testResults } = JSON.parse(fs.readFileSync(report, 'utf8'))
  let [passed, failed, skipped] = [0, 0, 0]
  for (const { status, assertionResults } of testResults) {
    const broken = assertionResults.filter((test) => test.status === 'failed').length
    passed += assertionResults.filter((test) => test.status === 'passed').length
    skipped += assertionResults.filter((test) => test.status !== 'passed' && test.status !== 'failed').length
    failed += status === 'failed' ? Math.max(broken, 1) : broken
  }
  if (code !== 0 && failed === 0) failed = 1
  return { passed, failed, skipped }
}

/** Each failed test on a line of its own, with what it said first: thousands of lines stand above it. */
function tellFailures() {
  if (!fs.existsSync(report)) return
  const { testResults } = JSON.parse(fs.readFileSync(report, 'utf8'))
  for (const { name, status, message, assertionResults } of testResults) {
    const file = path.relative(root, name)
    const broken = assertionResults.filter((test) => test.status === 'failed')
    for (const { fullName, failureMessages } of broken)
      process.stdout.write(`FAILED ${file}: ${fullName}\n${firstLines(failureMessages.join('\n'))}`)
    if (status === 'failed' && broken.length === 0)
      process.stdout.write(`FAILED ${file}\n${firstLines(message)}`)
  }
}

function firstLines(text) {
  return `${stripVTControlCharacters(text)
    .split('\n')
    .slice(0, 4)
    .map((line) => `  ${line}`)
    .join('\n')}\n`
}
