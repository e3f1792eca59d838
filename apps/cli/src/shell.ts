import type { Readable, Writable } from 'node:stream'

/** What surrounds the command: the process, or a test. */
export type Shell = {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly stdin: Readable & { readonly isTTY?: boolean; setRawMode?(raw: boolean): unknown }
  readonly stdout: Terminal
  readonly stderr: Terminal
}

type Terminal = Writable & { readonly isTTY?: boolean; readonly columns?: number }
