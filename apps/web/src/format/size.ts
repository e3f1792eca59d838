const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'] as const

/** Bytes in decimal units, as registries and disks count: `184 MB`, `1.5 GB`. */
export function formatSize(bytes: number): string {
  const sign = bytes < 0 ? '−' : ''
  let value = Math.abs(bytes)
  let unit = 0
  // 999.5 would be written 1000.
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000
    unit++
  }
  const digits = unit > 0 && value < 9.95 ? 1 : 0
  return `${sign}${value.toFixed(digits)} ${UNITS[unit]}`
}

/** A difference of sizes, with its sign: `+12 MB`, `−3 kB`, `±0 B`. */
export function formatChange(bytes: number): string {
  if (bytes === 0) return '±0 B'
  return bytes > 0 ? `+${formatSize(bytes)}` : formatSize(bytes)
}
