import { diffLines } from './line-diff.ts'
import { writeYaml } from './policy-yaml.ts'

const MARKS = { same: ' ', added: '+', removed: '−' } as const

/** Two policies as YAML, line by line. */
export function PolicyDiff({ before, after }: { before: unknown; after: unknown }) {
  const lines = diffLines(before === null ? '' : writeYaml(before), after === null ? '' : writeYaml(after))
  return (
    <pre className="inputs diff" tabIndex={0}>
      {lines.map(({ change, text }, position) => (
        <span key={position} data-change={change}>
          {MARKS[change]} {text}
          {'\n'}
        </span>
      ))}
    </pre>
  )
}
