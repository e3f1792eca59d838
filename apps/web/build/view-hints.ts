import type { Plugin } from 'vite'

/** The first parts of addresses, and the module that shows what is there. */
const VIEWS: Readonly<Record<string, string>> = {
  requests: '/request/request.tsx',
  feeds: '/feeds/feeds.tsx',
  stages: '/feeds/stages.tsx',
  digests: '/feeds/digest.tsx',
  running: '/running/sites.tsx',
  lanes: '/lanes/lanes.tsx',
  history: '/history/promotions.tsx',
  admin: '/admin/users.tsx',
}

/**
 * `hints.json`: which files a view needs beside those of the page, so that the api names them in its page and a
 * browser asks for them at once, instead of once the first script has run.
 */
export const viewHints: Plugin = {
  name: 'view-hints',
  apply: 'build',
  generateBundle(_, bundle) {
    const chunks = Object.values(bundle).filter((file) => file.type === 'chunk')
    const withImports = (fileName: string, seen = new Set<string>()): Set<string> => {
      if (seen.has(fileName)) return seen
      seen.add(fileName)
      for (const to of chunks.find((chunk) => chunk.fileName === fileName)?.imports ?? [])
        withImports(to, seen)
      return seen
    }
    const page = chunks.filter(({ isEntry }) => isEntry).flatMap(({ fileName }) => [...withImports(fileName)])
    const hints = Object.entries(VIEWS).map(([part, module]) => {
      const view = chunks.find(({ facadeModuleId }) => facadeModuleId?.endsWith(module) === true)
      if (view === undefined) return this.error(`${module} is no view of its own`)
      return [part, [...withImports(view.fileName)].filter((file) => !page.includes(file))]
    })
    this.emitFile({
      type: 'asset',
      fileName: 'hints.json',
      source: JSON.stringify(Object.fromEntries(hints)),
    })
  },
}
