import type { Form } from './multipart.ts'
import { refuseChoice, WireError } from './wire-error.ts'

/** The parameters of one request, read as strictly as the real service reads them. */
export interface Parameters {
  names(): string[]
  /** As they came, for the ledger. */
  raw(): Record<string, unknown>
  text(name: string, limit: TextLimit): string | undefined
  choice(name: string, allowed: readonly string[]): string | undefined
  integer(name: string, low: number, high: number): number | undefined
  flag(name: string): boolean | undefined
}

export interface TextLimit {
  maxLength: number
}

export function parametersOfJson(body: unknown): Parameters {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new WireError('invalid_type', 'Invalid type for the body: expected an object.')
  }
  return createParameters(new Map(Object.entries(body)))
}

/** In a form every scalar is a string: `true`, `12`. */
export function parametersOfForm(form: Form): Parameters {
  const values = new Map<string, unknown>()
  for (const { name, value } of form.texts) {
    if (values.has(name)) throw refuseDuplicate(name)
    values.set(name, readScalar(name, value))
  }
  return createParameters(values)
}

const integerNames = ['n', 'output_compression', 'partial_images']

function readScalar(name: string, value: string): unknown {
  if (integerNames.includes(name) && /^-?\d{1,15}$/.test(value)) return Number(value)
  if (name === 'stream' && (value === 'true' || value === 'false')) return value === 'true'
  return value
}

export function refuseDuplicate(name: string): WireError {
  const message =
    `Duplicate parameter: '${name}'. You provided multiple values for this parameter, whereas only one is ` +
    `allowed. If you are trying to provide a list of values, use the array syntax instead e.g. '${name}[]=<value>'.`
  return new WireError('duplicate_parameter', message, { param: name })
}

export function refuseMissing(name: string): WireError {
  return new WireError('missing_required_parameter', `Missing required parameter: '${name}'.`, {
    param: name,
  })
}

export function refuseUnknown(name: string): WireError {
  return new WireError('unknown_parameter', `Unknown parameter: '${name}'.`, { param: name })
}

export function refuseType(name: string, expected: string, value: unknown): WireError {
  const actual = Array.isArray(value) ? 'array' : typeof value
  const message = `Invalid type for '${name}': expected ${expected}, but got ${actual} instead.`
  return new WireError('invalid_type', message, { param: name })
}

function createParameters(values: Map<string, unknown>): Parameters {
  const read = (name: string) => values.get(name) ?? undefined
  const text = (name: string, { maxLength }: TextLimit) => {
    const value = read(name)
    if (value === undefined) return undefined
    if (typeof value !== 'string') throw refuseType(name, 'a string', value)
    checkLength(name, value, maxLength)
    return value
  }
  return {
    names: () => [...values.keys()],
    raw: () => Object.fromEntries(values),
    text,
    choice(name, allowed) {
      const value = text(name, { maxLength: 256 })
      if (value !== undefined && !allowed.includes(value)) throw refuseChoice(name, value, allowed)
      return value
    },
    integer(name, low, high) {
      const value = read(name)
      if (value === undefined) return undefined
      if (!Number.isInteger(value)) throw refuseType(name, 'an integer', value)
      checkRange(name, value as number, { low, high })
      return value as number
    },
    flag(name) {
      const value = read(name)
      if (value !== undefined && typeof value !== 'boolean') throw refuseType(name, 'a boolean', value)
      return value
    },
  }
}

/** Length is counted in code points. */
function checkLength(name: string, value: string, maxLength: number): void {
  const length = [...value].length
  if (length <= maxLength) return
  const message =
    `Invalid '${name}': string too long. Expected a string with maximum length ${maxLength}, ` +
    `but got a string with length ${length} instead.`
  throw new WireError('string_above_max_length', message, { param: name })
}

function checkRange(name: string, value: number, { low, high }: { low: number; high: number }): void {
  if (value >= low && value <= high) return
  const [code, side, bound] =
    value < low
      ? ['integer_below_min_value', 'below minimum', `>= ${low}`]
      : ['integer_above_max_value', 'above maximum', `<= ${high}`]
  const message = `Invalid '${name}': integer ${side} value. Expected a value ${bound}, but got ${value} instead.`
  throw new WireError(code ?? null, message, { param: name })
}
