import { EaselError } from '../../errors.ts'
import { isRecord } from '../../is-record.ts'
import { joinInputPath } from '../graphql/input-path.ts'
import { type JsonLimits, parseJson } from '../http/json-limits.ts'
import type { ServerLimits } from '../server-limits.ts'

/** A place in `operations` that a file belongs to, e.g. `['variables', 'input', 'image', '0', 'upload']`. */
export type FilePath = readonly string[]
export type FileMap = ReadonlyMap<string, readonly FilePath[]>

/** The deepest input of the schema is six levels down; the rest is room for clients' own wrapping. */
const maxPathDepth = 16
const maxPathsPerFile = 16
const poisonous = new Set(['__proto__', 'prototype', 'constructor'])

/**
 * Reads the `map` field of a multipart request against the `operations` it points into.
 * A path may only name a place that exists as the object's own, so no path reaches a prototype or grows an array.
 */
export function parseFileMap(
  text: string,
  operations: Record<string, unknown>,
  { maxFiles, ...limits }: JsonLimits & Pick<ServerLimits, 'maxFiles'>,
): FileMap {
  const malformed = (cause: unknown) => mapInvalid('The field "map" is not valid JSON', { cause })
  const map = parseJson({ text, limits, malformed })
  if (!isRecord(map)) throw mapInvalid('The field "map" must be a JSON object')
  const entries = Object.entries(map)
  if (entries.length > maxFiles) {
    throw new EaselError('PAYLOAD_TOO_LARGE', `A request may carry ${maxFiles} files`, {
      reason: 'TOO_MANY_FILES',
      allowed: maxFiles,
      actual: entries.length,
    })
  }
  const taken = new Set<string>()
  return new Map(entries.map(([name, paths]) => [name, parsePaths(paths, operations, taken)]))
}

/** The input that a file belongs to, without the `variables` in front: the image, not the `upload` within it. */
export function fieldOf(paths: readonly FilePath[]): string | undefined {
  const path = paths[0]?.slice(1)
  return path && joinInputPath(path.slice(0, path.at(-1) === 'upload' ? -1 : undefined))
}

/** For paths that `parseFileMap` let through. */
export function getAt(operations: Record<string, unknown>, path: FilePath): unknown {
  return path.reduce<unknown>((at, key) => (at as Record<string, unknown>)[key], operations)
}

export function setAt(operations: Record<string, unknown>, path: FilePath, value: unknown): void {
  const container = getAt(operations, path.slice(0, -1))
  const key = path.at(-1) ?? ''
  Object.defineProperty(container, key, { value, enumerable: true, configurable: true, writable: true })
}

function parsePaths(paths: unknown, operations: Record<string, unknown>, taken: Set<string>): FilePath[] {
  if (!Array.isArray(paths) || paths.length === 0 || paths.length > maxPathsPerFile) {
    throw mapInvalid(`Each entry of "map" must list 1 to ${maxPathsPerFile} paths`)
  }
  return paths.map((path: unknown) => {
    if (typeof path !== 'string') throw mapInvalid('Each path in "map" must be a string')
    const keys = parsePath(path, operations)
    claim(keys, taken)
    return keys
  })
}

/** One place holds one file, and no file lies inside another. `taken` holds places, and with a dot behind, their parents. */
function claim(keys: FilePath, taken: Set<string>): void {
  const place = keys.join('.')
  const parents = keys.slice(1).map((_, i) => keys.slice(0, i + 1).join('.'))
  if (taken.has(place) || taken.has(`${place}.`) || parents.some((parent) => taken.has(parent))) {
    throw mapInvalid('Two paths in "map" name the same place')
  }
  taken.add(place)
  for (const parent of parents) taken.add(`${parent}.`)
}

function parsePath(path: string, operations: Record<string, unknown>): FilePath {
  // The limit keeps a megabyte of dots from becoming a million strings.
  const keys = path.split('.', maxPathDepth + 1)
  if (keys.length > maxPathDepth || keys.length < 2 || keys[0] !== 'variables') {
    throw mapInvalid('Each path in "map" must start with "variables." and be at most 16 keys deep')
  }
  if (keys.some((key) => poisonous.has(key))) throw mapInvalid('A path in "map" is not allowed')
  let container: unknown = operations
  for (const key of keys.slice(0, -1)) container = own(container, key)
  const last = keys.at(-1) ?? ''
  const fits = Array.isArray(container)
    ? Object.hasOwn(container, last) && /^\d+$/.test(last)
    : isRecord(container)
  if (!fits || last === '') throw mapInvalid('A path in "map" names no place in "operations"')
  return keys
}

function own(container: unknown, key: string): unknown {
  if (typeof container !== 'object' || container === null || !Object.hasOwn(container, key)) {
    throw mapInvalid('A path in "map" names no place in "operations"')
  }
  return (container as Record<string, unknown>)[key]
}

function mapInvalid(message: string, options?: ErrorOptions): EaselError {
  return new EaselError('BAD_USER_INPUT', message, { reason: 'MULTIPART_MAP_INVALID' }, options)
}
