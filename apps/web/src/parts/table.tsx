import { useWindowVirtualizer } from '@tanstack/react-virtual'
import { type ReactNode, useCallback, useEffect, useLayoutEffect, useRef, useState } from 'react'

export type Column<T> = {
  readonly head: string
  /** A track of a CSS grid: `minmax(0, 2fr)`, `90px`. */
  readonly width: string
  readonly cell: (item: T) => ReactNode
  readonly end?: boolean
  /** Shown before the cell where rows are cards; off where the cell speaks for itself. */
  readonly named?: boolean
}

type Props<T> = {
  readonly label: string
  readonly columns: readonly Column<T>[]
  readonly items: readonly T[]
  readonly keyOf: (item: T) => string
  /** Asked for when the end comes near. */
  readonly more?: { readonly has: boolean; readonly loading: boolean; readonly load: () => void } | undefined
}

/** Rows beyond this are drawn only where they are seen. */
const DRAW_ALL = 60

/** A list in columns, of any length; on a narrow screen each row is a card. */
export function Table<T>(props: Props<T>) {
  const { label, columns, items, more } = props
  const tracks = columns.map(({ width }) => width).join(' ')
  const all = items.length <= DRAW_ALL && more?.has !== true
  return (
    <div
      className="table"
      role="table"
      aria-label={label}
      aria-rowcount={more?.has === true ? -1 : items.length + 1}
      aria-busy={more?.loading === true}
    >
      <div className="thead" role="rowgroup">
        <div className="tr" role="row" style={{ gridTemplateColumns: tracks }}>
          {columns.map(({ head, end }) => (
            <span key={head} role="columnheader" className={end === true ? 'end' : ''}>
              {head}
            </span>
          ))}
        </div>
      </div>
      {all ? (
        <div className="tbody" role="rowgroup">
          {items.map((item, position) => (
            <div
              key={props.keyOf(item)}
              className="tr"
              role="row"
              aria-rowindex={position + 2}
              style={{ gridTemplateColumns: tracks }}
            >
              <Cells columns={columns} item={item} />
            </div>
          ))}
        </div>
      ) : (
        <SeenRows {...props} tracks={tracks} />
      )}
      {more?.loading === true && <div className="more">Loading more …</div>}
    </div>
  )
}

function SeenRows<T>({ columns, items, keyOf, more, tracks }: Props<T> & { tracks: string }) {
  const body = useRef<HTMLDivElement>(null)
  const [top, setTop] = useState(0)
  useLayoutEffect(() => {
    setTop((body.current?.getBoundingClientRect().top ?? 0) + scrollY)
  }, [])
  // The same one as long as the rows are: another one has every row placed anew, at each step of a scroll.
  const getItemKey = useCallback(
    (position: number) => {
      const item = items[position]
      return item === undefined ? position : keyOf(item)
    },
    [items, keyOf],
  )
  const rows = useWindowVirtualizer({
    count: items.length,
    estimateSize: () => (innerWidth <= 1000 ? 150 : 47),
    overscan: 12,
    scrollMargin: top,
    getItemKey,
  })
  const seen = rows.getVirtualItems()
  const last = seen.at(-1)?.index ?? 0
  const near = more !== undefined && more.has && !more.loading && last >= items.length - 25
  useEffect(() => {
    if (near) more.load()
  }, [near, more])
  return (
    <div ref={body} className="tbody virtual" role="rowgroup" style={{ height: rows.getTotalSize() }}>
      {seen.map(({ index, key, start }) => {
        const item = items[index]
        if (item === undefined) return null
        return (
          <div
            key={key}
            ref={rows.measureElement}
            data-index={index}
            className="tr"
            role="row"
            aria-rowindex={index + 2}
            style={{ gridTemplateColumns: tracks, transform: `translateY(${start - top}px)` }}
          >
            <Cells columns={columns} item={item} />
          </div>
        )
      })}
    </div>
  )
}

function Cells<T>({ columns, item }: { columns: readonly Column<T>[]; item: T }) {
  return columns.map(({ head, cell, end, named }) => (
    <div
      key={head}
      role="cell"
      className={end === true ? 'end' : ''}
      {...(named !== false && { 'data-head': head })}
    >
      {cell(item)}
    </div>
  ))
}
