import { defineConfig } from 'vitest/config'

const conditions = ['sluice-source', 'module', 'node', 'development|production']

/** What `npm run mutation` runs for each mutant: the tests of the one package that decides, alone. */
export default defineConfig({
  plugins: [{ name: 'sources', configEnvironment: () => ({ resolve: { conditions } }) }],
  test: { include: ['packages/promotion/src/**/*.test.ts'] },
})
