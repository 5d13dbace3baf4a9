import { writeFileSync } from 'node:fs'
import { lexicographicSortSchema, printSchema } from 'graphql'
import { schema } from './index.ts'

/** What `schema.graphql` says. */
export const printedSchema = `${printSchema(lexicographicSortSchema(schema))}\n`

if (import.meta.main) {
  const file = new URL('../../schema.graphql', import.meta.url)
  writeFileSync(file, printedSchema)
  console.log(`Wrote ${file.pathname}`)
}
