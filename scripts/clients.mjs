// docs/clients.md, from what the tests of the clients told in their report.
import fs from 'node:fs'
import path from 'node:path'
import { root } from './prepare.mjs'

export const columns = {
  'sign-in': 'signs in',
  image: 'image',
  index: 'index',
  referrers: 'artifact with a referrer',
  refusal: 'told why `trusted` refuses',
  promotion: 'promotion',
}

const page = path.join(root, 'docs/clients.md')

export function writeTable(report) {
  if (!fs.existsSync(report)) return
  const { testResults } = JSON.parse(fs.readFileSync(report, 'utf8'))
  // The page tells what works: a run that is not whole leaves it as it is.
  if (testResults.some(({ assertionResults }) => assertionResults.length === 0)) return
  const rows = new Map()
  for (const { status, meta } of testResults.flatMap((file) => file.assertionResults)) {
    if (status !== 'passed' && (status !== 'failed' || meta?.client !== undefined)) return
    if (meta?.client === undefined) continue
    const { name, version, cells } = meta.client
    const row = rows.get(name) ?? { version: '', cells: {} }
    rows.set(name, { version: version ?? row.version, cells: { ...row.cells, ...cells } })
  }
  if (rows.size === 0) return
  const line = (cells) => `| ${cells.join(' | ')} |`
  const table = [
    line(['client', 'version', ...Object.values(columns)]),
    line(['---', '---', ...Object.keys(columns).map(() => '---')]),
    ...[...rows]
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .map(([name, { version, cells }]) =>
        line([name, version, ...Object.keys(columns).map((column) => cells[column] ?? '')]),
      ),
  ]
  const text = fs.readFileSync(page, 'utf8')
  const mark = '<!-- npm run test:clients writes what follows -->\n'
  const at = text.indexOf(mark)
  if (at < 0) throw new Error(`docs/clients.md has no line ${mark.trim()}`)
  fs.writeFileSync(page, `${text.slice(0, at + mark.length)}\n${table.join('\n')}\n`)
}
