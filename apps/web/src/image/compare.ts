import type { Descriptor, Texts } from './manifest.ts'

export type LayerChange = { readonly layer: Descriptor; readonly change: 'shared' | 'added' | 'removed' }
export type LayerChanges = {
  /** The new image's layers in their order, then what is no longer there. */
  readonly layers: readonly LayerChange[]
  /** Bytes; each digest once. */
  readonly shared: number
  readonly added: number
  readonly removed: number
}

/** What a host that has `before` still fetches for `after`, layer by layer. */
export function compareLayers(before: readonly Descriptor[], after: readonly Descriptor[]): LayerChanges {
  const had = new Set(before.map(({ digest }) => digest))
  const has = new Set(after.map(({ digest }) => digest))
  const layers: LayerChange[] = [
    ...after.map((layer) => ({
      layer,
      change: had.has(layer.digest) ? ('shared' as const) : ('added' as const),
    })),
    ...before
      .filter(({ digest }) => !has.has(digest))
      .map((layer) => ({ layer, change: 'removed' as const })),
  ]
  const bytes = (wanted: LayerChange['change']) => {
    const sizes = layers
      .filter(({ change }) => change === wanted)
      .map(({ layer }) => [layer.digest, layer.size] as const)
    return [...new Map(sizes).values()].reduce((sum, size) => sum + size, 0)
  }
  return { layers, shared: bytes('shared'), added: bytes('added'), removed: bytes('removed') }
}

export type TextChange = {
  readonly name: string
  readonly before: string | null
  readonly after: string | null
}

/** Names whose value is not the same on both sides, in order; `null` where there is none. */
export function compareTexts(before: Texts, after: Texts): TextChange[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort()
  return names
    .map((name) => ({ name, before: before[name] ?? null, after: after[name] ?? null }))
    .filter(({ before, after }) => before !== after)
}

/** Platforms of two images: what came, what went. */
export function comparePlatforms(before: readonly string[], after: readonly string[]) {
  return {
    added: after.filter((platform) => !before.includes(platform)),
    removed: before.filter((platform) => !after.includes(platform)),
  }
}
