export type Column = 'sign-in' | 'image' | 'index' | 'referrers' | 'refusal' | 'promotion'

/** The columns of docs/clients.md after the client and its version, with their headings. */
export const columns: Readonly<Record<Column, string>>

/** What a test of a client tells the table, as its `meta.client`. */
export type Told = {
  readonly name: string
  readonly version?: string
  readonly cells?: Readonly<Partial<Record<Column, string>>>
}

/** Writes docs/clients.md from the report of a run in which every client did what it is said to do. */
export function writeTable(report: string): void
