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
  /** The hash of an upload's bytes, or the id of an image that Easel already has. */
  content: string
}

/**
 * The parameters that every fingerprint contains, whether the request has them or not. A parameter that was added later
 * counts only where a request has it, so a request that is sent again after an upgrade keeps its fingerprint. This list
 * never changes.
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
 * Two requests with the same fingerprint ask for the same. It covers the coerced input and the content of the files, not
 * the raw body: a retry has another multipart boundary and another order of parts and JSON keys.
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
