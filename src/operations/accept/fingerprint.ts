import { createHash } from 'node:crypto'
import {
  emptyInput,
  type OperationInput,
  type ValueName,
  writeInput,
} from '../../catalogue/operation-input.ts'

export interface FingerprintedFile {
  /** The input path, e.g. `image.0` or `mask`. */
  path: string
  /** What stands there: the hash of an upload's bytes, or the id of an image that Easel already has. */
  content: string
}

/**
 * The parameters of the first fingerprints, which had them all, given or not. A parameter that came later counts only
 * where it is given: a request that is sent again after an upgrade is still the same one. This list never changes.
 */
const firstParameters: ReadonlySet<ValueName> = new Set([
  'prompt',
  'messages',
  'model',
  'n',
  'size',
  'quality',
  'background',
  'inputFidelity',
  'outputFormat',
  'outputCompression',
  'responseFormat',
  'partialImages',
  'stream',
  'seed',
  'aspectRatio',
  'mimeType',
  'user',
])

/**
 * Says whether two requests ask for the same. It covers the coerced input and what its files contain, never the raw
 * body: a retry has another multipart boundary, another order of parts and of JSON keys.
 */
export function fingerprint(input: OperationInput, files: FingerprintedFile[]): string {
  const kept = writeInput(input)
  const names = (Object.keys(kept) as ValueName[]).filter(
    (name) => firstParameters.has(name) || input[name] !== emptyInput[name],
  )
  const counted = Object.fromEntries(names.map((name) => [name, kept[name]]))
  const canonical = JSON.stringify([sortKeys(counted), files.map(({ path, content }) => [path, content])])
  return createHash('sha256').update(canonical).digest('hex')
}

function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys)
  if (value === null || typeof value !== 'object') return value
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return entries.map(([key, member]) => [key, sortKeys(member)])
}
