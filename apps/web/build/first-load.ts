import type { Plugin } from 'vite'

/**
 * What the first view needs is one file, and what several views share another: a phone asks for six files at a time,
 * and every further round costs it as much as a hundred kilobytes.
 * @param entry the end of the entry module's path
 */
export function firstLoad(entry: string) {
  const needed = new Set<string>()
  const plugin: Plugin = {
    name: 'first-load',
    apply: 'build',
    buildEnd() {
      const open = [...this.getModuleIds()].filter((id) => id.endsWith(entry))
      for (let id = open.pop(); id !== undefined; id = open.pop()) {
        if (needed.has(id)) continue
        needed.add(id)
        open.push(...(this.getModuleInfo(id)?.importedIds ?? []))
      }
    },
    generateBundle(_, bundle) {
      for (const file of Object.values(bundle)) {
        if (file.type !== 'chunk') continue
        const schemas = file.moduleIds.find((id) => /\/node_modules\/zod\//.test(id))
        if (schemas !== undefined)
          this.error(`${schemas} is part of ${file.fileName}: schemas stay out of the browser`)
      }
    },
  }
  const groups = [
    { name: 'app', test: (id: string) => needed.has(id), priority: 2 },
    { name: 'views', test: (id: string) => /\/apps\/web\/src\//.test(id), minShareCount: 2, priority: 1 },
  ]
  return { plugin, groups }
}
