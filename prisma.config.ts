import path from 'node:path'
import { defineConfig } from 'prisma/config'

// `generate` asks for an engine binary that it never runs here; any executable satisfies it.
// Only for `generate`: with a dummy binary `migrate deploy` would exit 0 having applied nothing.
if (process.argv.includes('generate')) process.env['PRISMA_SCHEMA_ENGINE_BINARY'] ??= process.execPath

export default defineConfig({
  schema: path.join(import.meta.dirname, 'prisma', 'schema.prisma'),
  migrations: { path: path.join(import.meta.dirname, 'prisma', 'migrations') },
})
