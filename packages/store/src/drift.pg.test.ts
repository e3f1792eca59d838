// oxlint-disable typescript/no-unsafe-type-assertion, typescript/unbound-method, no-underscore-dangle --
// the engine is bound here below its public types, as Prisma's own client does it
import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { PrismaPg } from '@prisma/adapter-pg'
import { bindMigrationAwareSqlAdapterFactory } from '@prisma/driver-adapter-utils'
import * as binding from '@prisma/schema-engine-wasm/schema_engine_bg'
import { cloneDatabase } from '@sluice/testkit'
import { Pool, type QueryArrayResult } from 'pg'
import { expect, test } from 'vitest'

const SCHEMA = path.join(import.meta.dirname, '..', '..', '..', 'prisma', 'schema.prisma')
const CHAR = { oid: 18, asOid: 1042, columnType: 6 }
const CHARS = { oid: 1002, asOid: 1009, columnType: 70 }

test('schema.prisma is what the migrations make', async () => {
  const { ownerUrl, drop } = await cloneDatabase()
  const content = fs.readFileSync(SCHEMA, 'utf8')
  const changed = content.replace('displayName String ', 'displayName String? ')
  expect(changed).not.toBe(content)
  try {
    expect(await difference(ownerUrl, content)).toMatch(/no difference detected/i)
    expect(await difference(ownerUrl, changed)).toMatch(/display_name/)
  } finally {
    await drop()
  }
})

/** How Prisma would have to change the database, in words; its engine without its native binary. */
async function difference(url: string, content: string): Promise<string> {
  const pool = new Pool({ connectionString: url, max: 1 })
  const factory = {
    provider: 'postgres',
    adapterName: '@prisma/adapter-pg',
    connect: () => connect(pool),
    connectToShadowDb: () => Promise.reject(new Error('no shadow database is needed')),
  }
  const file = { path: SCHEMA, content }
  const engine = await (await engineClass).new(
    { datamodels: [[SCHEMA, content]] },
    () => {},
    bindMigrationAwareSqlAdapterFactory(factory as never),
  )
  try {
    const { stdout } = await engine.diff({
      from: { tag: 'schemaDatasource', files: [file], configDir: path.dirname(SCHEMA) },
      to: { tag: 'schemaDatamodel', files: [file] },
      script: false,
      exitCode: null,
      shadowDatabaseUrl: null,
      filters: { externalTables: [], externalEnums: [] },
    } as never)
    return stdout ?? ''
  } finally {
    engine.free()
    await pool.end()
  }
}

/** The engine reads columns of type "char" in the catalogue, which the adapter does not know. */
async function connect(pool: Pool) {
  const query = pool.query.bind(pool) as (...args: unknown[]) => Promise<QueryArrayResult>
  const chars = new WeakMap<object, [number, number][]>()
  pool.query = (async (...args: unknown[]) => {
    const result = await query(...args)
    const found: [number, number][] = []
    for (const [at, field] of (result.fields ?? []).entries()) {
      const known = [CHAR, CHARS].find(({ oid }) => oid === field.dataTypeID)
      if (!known) continue
      field.dataTypeID = known.asOid
      found.push([at, known.columnType])
    }
    if (result.rows) chars.set(result.rows, found)
    return result
  }) as never
  const adapter = await new PrismaPg(pool).connect()
  const queryRaw = adapter.queryRaw.bind(adapter)
  adapter.queryRaw = async (asked) => {
    const result = await queryRaw(asked)
    for (const [at, type] of chars.get(result.rows) ?? []) result.columnTypes[at] = type as never
    return result
  }
  return adapter
}

/** Once: the module's memory belongs to one instance. */
const engineClass = loadEngine()

async function loadEngine(): Promise<typeof binding.SchemaEngine> {
  Object.assign(globalThis, { PRISMA_WASM_PANIC_REGISTRY: { set_message() {} } })
  const js = fileURLToPath(import.meta.resolve('@prisma/schema-engine-wasm/schema_engine_bg'))
  const wasm = fs.readFileSync(path.join(path.dirname(js), 'schema_engine_bg.wasm'))
  const { WebAssembly } = globalThis as unknown as { WebAssembly: Instantiating }
  const { instance } = await WebAssembly.instantiate(wasm, { './schema_engine_bg.js': binding })
  const { __wbg_set_wasm } = binding as unknown as { __wbg_set_wasm(exports: unknown): void }
  __wbg_set_wasm(instance.exports)
  instance.exports.__wbindgen_start()
  return binding.SchemaEngine
}

/** What is needed of `WebAssembly`, which the types of Node 20 leave to the DOM's. */
interface Instantiating {
  instantiate(
    bytes: Uint8Array,
    imports: Record<string, object>,
  ): Promise<{ instance: { exports: { __wbindgen_start(): void } } }>
}
