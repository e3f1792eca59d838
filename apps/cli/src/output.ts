import type { Shell } from './shell.ts'
import { visible, visibleJson } from './visible.ts'

/** Results go to stdout, what happens meanwhile to stderr. Every line is made harmless on its way. */
export type Output = {
  readonly json: boolean
  /** The result: as JSON, or by its lines. */
  readonly show: (value: unknown, lines: () => readonly string[]) => void
  /** Progress, for people. */
  readonly note: (line: string) => void
}

export function createOutput({ stdout, stderr }: Shell, json: boolean): Output {
  return {
    json,
    show(value, lines) {
      if (json) stdout.write(`${visibleJson(value, 2)}\n`)
      else for (const line of lines()) stdout.write(`${visible(line)}\n`)
    },
    note: (line) => void stderr.write(`${visible(line)}\n`),
  }
}

/** Rows under headings, in columns as wide as their widest cell. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const all = [head, ...rows].map((row) => row.map(visible))
  const widths = head.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)))
  return all.map((row) =>
    row
      .map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0)))
      .join('  ')
      .trimEnd(),
  )
}

/** `name  value` lines; an absent value leaves its line out. */
export function fields(rows: Readonly<Record<string, string | null | undefined>>): string[] {
  const given = Object.entries(rows).filter((row): row is [string, string] => row[1] != null)
  const width = Math.max(0, ...given.map(([name]) => name.length))
  return given.map(([name, value]) => `${name.padEnd(width)}  ${value}`.trimEnd())
}
