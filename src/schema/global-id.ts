import { decodeGlobalID } from '@pothos/plugin-relay'
import { EaselError } from '../errors.ts'
import { isRowId } from '../row-id.ts'

const nodeTypes = new Set(['ApiKey', 'Image', 'Operation', 'User'])

/** Twice what an id of Easel has: a text of a megabyte is not decoded first. */
const longestId = 128

interface NodeName {
  typename: string
  id: string
}

export function encodeGlobalId(typename: string, id: string): string {
  return Buffer.from(`${typename}:${id}`).toString('base64url')
}

/** Throws ID_MALFORMED for a text that Easel never made, before it reaches the database; an unknown id passes. */
export function decodeGlobalId(globalId: string): NodeName {
  const known = decodeKnown(globalId)
  if (known) return known
  throw new EaselError('BAD_USER_INPUT', 'This is not an id of Easel.', { reason: 'ID_MALFORMED' })
}

/** The plain id in a global one of this type; null for any other text. */
export function plainIdOf(typename: string, globalId: string): string | null {
  const known = decodeKnown(globalId)
  return known?.typename === typename ? known.id : null
}

function decodeKnown(globalId: string): NodeName | null {
  if (globalId.length > longestId) return null
  const { typename, id } = safeDecode(globalId)
  return typename && nodeTypes.has(typename) && id && isRowId(id.toLowerCase()) ? { typename, id } : null
}

function safeDecode(globalId: string): Partial<NodeName> {
  try {
    return decodeGlobalID(Buffer.from(globalId, 'base64url').toString('base64'))
  } catch {
    return {}
  }
}
