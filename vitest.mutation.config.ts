import { defineConfig } from 'vitest/config'

const conditions = ['sluice-source', 'module', 'node', 'development|production']

/** What `npm run mutation` runs for each mutant: the tests of the one package that decides, alone. */
export default defineConfig({
  plugins: [{ name: 'sources', configEnvironment: () => ({ resolve: { conditions } }) }],
  test: {
    include: ['packages/promotion/src/**/*.test.ts'],
    // Random histories take seconds for each mutant, and find what the tables should: they are not counted on here.
    exclude: ['packages/promotion/src/model.test.ts'],
    // What is mutated keeps no state: read once, it serves all tests of a run.
    isolate: false,
    // Instrumented, and beside other work, a test takes many times as long.
    testTimeout: 120_000,
  },
})
