import type { Manifest } from '@sluice/oci'
import type { PlatformImage } from '@sluice/promotion'

/**
 * The images behind a digest, each once: those that an index, and the indexes in it, name for some platform.
 * What an index holds for the platform `unknown` are attestations, which no runtime selects.
 * @param manifests everything of the closure that was walked, by digest
 */
export function platformImages(root: string, manifests: ReadonlyMap<string, Manifest>): PlatformImage[] {
  const images = new Map<string, PlatformImage>()
  const visited = new Set<string>()
  const visit = (digest: string, platform: string | null): void => {
    if (visited.has(digest)) return
    visited.add(digest)
    const manifest = manifests.get(digest)
    if (manifest?.kind !== 'index') {
      images.set(digest, { platform, digest })
      return
    }
    for (const { digest: child, platform: named } of manifest.manifests) {
      if (named?.os === 'unknown') continue
      const parts = [named?.os, named?.architecture, named?.variant].filter(Boolean)
      visit(child, parts.length === 0 ? platform : parts.join('/'))
    }
  }
  visit(root, null)
  return [...images.values()]
}
