import type { ReactNode } from 'react'
import { useEffect } from 'react'

/** The title of a view, which is the document's title too. */
export function PageHead({
  title,
  heading,
  crumbs,
  actions,
  children,
}: {
  title: string
  heading?: ReactNode
  crumbs?: readonly ReactNode[]
  actions?: ReactNode
  children?: ReactNode
}) {
  useEffect(() => {
    document.title = `${title} · Sluice`
  }, [title])
  return (
    <div className="page-head">
      <div>
        {crumbs !== undefined && (
          <nav aria-label="Above">
            <ol className="crumbs">
              {crumbs.map((crumb, position) => (
                <li key={position} className="breaks">
                  {crumb}
                </li>
              ))}
            </ol>
          </nav>
        )}
        <h1 className="breaks">{heading ?? title}</h1>
        {children}
      </div>
      {actions !== undefined && <div className="row">{actions}</div>}
    </div>
  )
}

export function Panel({
  id,
  title,
  aside,
  flush = false,
  children,
}: {
  /** Where a link leads to it. */
  id?: string
  title: string
  aside?: ReactNode
  /** Content that brings its own padding. */
  flush?: boolean
  children: ReactNode
}) {
  return (
    <section className="panel" aria-label={title} id={id}>
      <header>
        <h2>{title}</h2>
        {aside}
      </header>
      {flush ? children : <div className="body">{children}</div>}
    </section>
  )
}
