import { EaselError } from '../errors.ts'
import { isRowId } from '../row-id.ts'

/** What Pothos puts before the id of a row in the cursor of a list that is cut by id alone. */
const prefix = 'GPC:S:'

/** The id in a cursor; null for a text that is no cursor of this gateway. */
export function idInCursor(cursor: string): string | null {
  const text = Buffer.from(cursor, 'base64').toString()
  const id = text.startsWith(prefix) ? text.slice(prefix.length) : ''
  return isRowId(id) ? id : null
}

/** The same of an argument; undefined without one. */
export function readCursor(cursor: unknown): string | undefined {
  if (typeof cursor !== 'string') return undefined
  const id = idInCursor(cursor)
  if (id !== null) return id
  throw new EaselError('BAD_USER_INPUT', 'This is not a cursor of Easel.', { reason: 'CURSOR_MALFORMED' })
}
