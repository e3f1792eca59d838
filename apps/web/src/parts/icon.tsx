const PATHS = {
  inbox: 'M3 12h5l1.5 3h5L16 12h5M5 5h14l2 7v7H3v-7z',
  feeds: 'M12 3 3 7.5l9 4.5 9-4.5zM3 12l9 4.5 9-4.5M3 16.5 12 21l9-4.5',
  lanes: 'M4 6h9a4 4 0 0 1 0 8H8a3 3 0 0 0 0 6h12m-3-3 3 3-3 3',
  history: 'M4 12a8 8 0 1 0 3-6.2L4 8m0-5v5h5m3-1v5l3.5 2',
  admin: 'M9 11a4 4 0 1 0 0-8 4 4 0 0 0 0 8Zm-6 9a6 6 0 0 1 12 0m2-8 1.5 1.5L22 10m-5 7h5',
  person: 'M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8Zm-7 8a7 7 0 0 1 14 0',
  copy: 'M9 9h11v11H9zM5 15H4V4h11v1',
  done: 'm5 12.5 4.5 4.5L19 7.5',
  arrow: 'M5 12h14m-5-5 5 5-5 5',
  search: 'M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14Zm5-2 5 5',
  plus: 'M12 5v14M5 12h14',
} as const

export type IconName = keyof typeof PATHS

/** Always beside words: it says nothing by itself. */
export function Icon({ name }: { name: IconName }) {
  return (
    <svg viewBox="0 0 24 24" width="18" height="18" aria-hidden="true" focusable="false">
      <path
        d={PATHS[name]}
        fill="none"
        stroke="currentColor"
        strokeWidth="1.8"
        strokeLinecap="round"
        strokeLinejoin="round"
      />
    </svg>
  )
}
