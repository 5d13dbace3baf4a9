import type { z } from 'zod'

/** Where a value is kept, for the operator who has to look at it. */
export interface KeptAt {
  column: string
  row: string
}

/** JSON of a row that no version of Easel writes. The message holds nothing of the value, which may be a user's. */
export class UnreadableColumn extends Error {
  constructor({ column, row }: KeptAt, cause: z.ZodError) {
    const faults = cause.issues.map(({ path, message }) => `${path.join('.') || '(all of it)'}: ${message}`)
    super(`The column ${column} of row ${row} cannot be read: ${faults.join('; ')}`)
    this.name = 'UnreadableColumn'
  }
}

/** Reads a column of JSON. Members that are not in the schema are left out: a newer version may have written them. */
export function readKept<T>(schema: z.ZodType<T>, json: unknown, at: KeptAt): T {
  const result = schema.safeParse(json)
  if (!result.success) throw new UnreadableColumn(at, result.error)
  return result.data
}
