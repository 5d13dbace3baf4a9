/** The id of a row, as this gateway makes it: a UUID in small letters. */
export const rowIdPattern = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}'

const rowId = new RegExp(`^${rowIdPattern}$`)

export function isRowId(text: string): boolean {
  return rowId.test(text)
}
