import { createHash } from 'node:crypto'
import { type OperationInput, writeInput } from '../../catalogue/operation-input.ts'

export interface FingerprintedFile {
  /** The input path, e.g. `image.0` or `mask`. */
  path: string
  /** What stands there: the hash of an upload's bytes, or the id of an image that Easel already has. */
  content: string
}

/**
 * Says whether two requests ask for the same. It covers the coerced input and what its files contain, never the raw
 * body: a retry has another multipart boundary, another order of parts and of JSON keys.
 */
export function fingerprint(input: OperationInput, files: FingerprintedFile[]): string {
  const canonical = JSON.stringify([
    sortKeys(writeInput(input)),
    files.map(({ path, content }) => [path, content]),
  ])
  return createHash('sha256').update(canonical).digest('hex')
}

function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys)
  if (value === null || typeof value !== 'object') return value
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return entries.map(([key, member]) => [key, sortKeys(member)])
}
