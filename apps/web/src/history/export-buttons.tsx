import { useState } from 'react'
import type { Page } from '../parts/merge-pages.ts'
import { Refused } from '../parts/states.tsx'
import { save, toCsv, toNdjson } from './export.ts'

/** Everything the filters leave, also what was not scrolled to. */
export function ExportButtons<T>({
  name,
  columns,
  fetchPage,
}: {
  name: string
  columns: Parameters<typeof toCsv<T>>[0]
  fetchPage: (page: { limit: number; after?: string }) => Promise<Page<T>>
}) {
  const [error, setError] = useState<unknown>(null)
  const [count, setCount] = useState<number | null>(null)
  const write = async (format: 'csv' | 'ndjson') => {
    setError(null)
    setCount(0)
    try {
      const rows: T[] = []
      let after: string | null = null
      do {
        const page: Page<T> = await fetchPage({ limit: 200, ...(after !== null && { after }) })
        rows.push(...page.items)
        after = page.next
        setCount(rows.length)
      } while (after !== null)
      if (format === 'csv') save(`${name}.csv`, 'text/csv', toCsv(columns, rows))
      else save(`${name}.ndjson`, 'application/x-ndjson', toNdjson(rows))
    } catch (cause) {
      setError(cause)
    } finally {
      setCount(null)
    }
  }
  return (
    <>
      <Refused error={error} />
      <span role="status" className={count === null ? 'unseen' : 'soft small number'}>
        {count !== null && count > 0 && `${count.toLocaleString()} rows …`}
      </span>
      <button type="button" className="button" disabled={count !== null} onClick={() => void write('csv')}>
        Export CSV
      </button>
      <button type="button" className="button" disabled={count !== null} onClick={() => void write('ndjson')}>
        Export NDJSON
      </button>
    </>
  )
}
