import type { ReactNode } from 'react'

/** Links of one set; each is a `Link`, so that the address says what is shown. */
export function Tabs({ label, children }: { label: string; children: ReactNode }) {
  return (
    <nav className="tabs" aria-label={label}>
      {children}
    </nav>
  )
}
