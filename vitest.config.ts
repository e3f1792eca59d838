import { defineConfig } from 'vitest/config'

// Workspace packages resolve to their sources, so tests need no build of their siblings.
const conditions = ['sluice-source', 'module', 'node', 'development|production']

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    projects: [
      {
        extends: true,
        test: { name: 'unit', include: ['{packages,apps}/*/src/**/*.test.{ts,tsx}'], exclude: ['**/*.{pg,net,e2e,clients}.test.ts'] },
      },
    ],
  },
})
