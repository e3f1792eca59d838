import { defineConfig } from 'vitest/config'

// Workspace packages resolve to their sources, so tests need no build of their siblings; others as in Node.
const conditions = ['sluice-source', 'node', 'development|production']

const apart = ['pg', 'net', 'e2e', 'clients'] as const

/** The tests named `x.<kind>.test.ts`. */
const kind = (name: (typeof apart)[number]) => ({
  name,
  include: [`{packages,apps}/*/src/**/*.${name}.test.ts`, `tests/**/*.${name}.test.ts`],
})

export default defineConfig({
  // Tests and the global set-up run in Vite environments of their own, each with its own conditions.
  plugins: [{ name: 'sources', configEnvironment: () => ({ resolve: { conditions } }) }],
  test: {
    // Most of what is slow waits for processes, so that two files at once cost nobody anything.
    maxWorkers: 2,
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['{packages,apps}/*/src/**/*.test.{ts,tsx}', 'tests/**/*.test.ts'],
          exclude: [`**/*.{${apart.join(',')}}.test.ts`],
          // A real PostgreSQL takes seconds to make where the machine is busy.
          testTimeout: 20_000,
        },
      },
      { extends: true, test: { ...kind('pg'), globalSetup: './tests/global-setup.ts', testTimeout: 20_000 } },
      { extends: true, test: { ...kind('net'), testTimeout: 60_000 } },
      {
        extends: true,
        test: {
          ...kind('e2e'),
          globalSetup: './tests/global-setup.ts',
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        extends: true,
        test: {
          ...kind('clients'),
          globalSetup: ['./tests/global-setup.ts', './tests/clients/service-setup.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
})
