import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { PGlite } from '@electric-sql/pglite'
import { dataDir as prepopulatedFolder } from '@electric-sql/pglite-prepopulatedfs'
import { bindMigrationAwareSqlAdapterFactory } from '@prisma/driver-adapter-utils'
import { PrismaPGlite } from 'pglite-prisma-adapter'

const here = import.meta.dirname
const schemaFile = {
  path: join(here, 'schema.prisma'),
  content: readFileSync(join(here, 'schema.prisma'), 'utf8'),
}

/** What Prisma's engine answers when the migrations already say what the schema says. */
export const emptyMigration = '-- This is an empty migration.'

/**
 * The SQL that leads from the migrations to `schema.prisma`. The native schema engine would be downloaded, so the
 * WASM build of the same engine compares the schema with an in-memory database that has every migration applied.
 */
export async function diffMigrations(): Promise<string> {
  const database = new PGlite({ loadDataDir: await prepopulatedFolder() })
  try {
    for (const file of migrationFiles()) await database.exec(readFileSync(file, 'utf8'))
    const engine = await openSchemaEngine(database)
    const { stdout } = await engine.diff({
      from: { tag: 'schemaDatasource', files: [schemaFile], configDir: here },
      to: { tag: 'schemaDatamodel', files: [schemaFile] },
      script: true,
      shadowDatabaseUrl: null,
      exitCode: false,
      filters: { externalTables: [], externalEnums: [] },
    })
    return (stdout ?? '').trim()
  } finally {
    await database.close()
  }
}

export function migrationFiles(): string[] {
  const folder = join(here, 'migrations')
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => join(folder, entry.name, 'migration.sql'))
    .sort()
}

async function openSchemaEngine(database: PGlite) {
  const wasmDir = join(here, '../node_modules/@prisma/schema-engine-wasm')
  Object.assign(globalThis, { PRISMA_WASM_PANIC_REGISTRY: { set_message: console.error } })
  const bindings = await import(join(wasmDir, 'schema_engine_bg.js'))
  const { instance } = await WebAssembly.instantiate(readFileSync(join(wasmDir, 'schema_engine_bg.wasm')), {
    './schema_engine_bg.js': bindings,
  })
  bindings.__wbg_set_wasm(instance.exports)
  ;(instance.exports as { __wbindgen_start(): void }).__wbindgen_start()
  const adapter = bindMigrationAwareSqlAdapterFactory(new PrismaPGlite(database))
  return bindings.SchemaEngine.new({ datamodels: [[schemaFile.path, schemaFile.content]] }, () => {}, adapter)
}
