import { EaselError } from '../errors.ts'
import { isRowId } from '../row-id.ts'

/** The prefix that Pothos puts before a row's id in the cursor of a list whose pages are cut by id alone. */
const prefix = 'GPC:S:'

/** The id in a cursor; null for a text that is no cursor of this gateway. */
export function idInCursor(cursor: string): string | null {
  const text = Buffer.from(cursor, 'base64').toString()
  const id = text.startsWith(prefix) ? text.slice(prefix.length) : ''
  return isRowId(id) ? id : null
}

/** The id in the cursor of an argument; undefined without a cursor. Throws CURSOR_MALFORMED for any other text. */
export function readCursor(cursor: unknown): string | undefined {
  if (typeof cursor !== 'string') return undefined
  const id = idInCursor(cursor)
  if (id !== null) return id
  throw new EaselError('BAD_USER_INPUT', 'This is not a cursor of Easel.', { reason: 'CURSOR_MALFORMED' })
}
