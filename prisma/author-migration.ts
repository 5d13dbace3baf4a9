import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { diffMigrations, emptyMigration } from './migration-diff.ts'

const name = process.argv[2]
if (!name || !/^[a-z0-9_]+$/.test(name)) {
  console.error('Usage: npm run migration -- name_of_the_change')
  process.exit(2)
}
const sql = await diffMigrations()
if (sql === emptyMigration) {
  console.log('The migrations already say what prisma/schema.prisma says.')
} else {
  const stamp = new Date().toISOString().replace(/\D/g, '').slice(0, 14)
  const folder = join(import.meta.dirname, 'migrations', `${stamp}_${name}`)
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'migration.sql'), `${sql}\n`)
  console.log(`Wrote ${folder}/migration.sql`)
}
