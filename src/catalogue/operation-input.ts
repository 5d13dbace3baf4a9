import { z } from 'zod'
import { isRecord } from '../is-record.ts'
import { type ParameterName, parameterList, type parameters } from './parameters.ts'

type Parameters = typeof parameters

/** The parameters that have a value; the files of a request are kept as images. */
export type ValueName = {
  [N in ParameterName]: Parameters[N] extends { value: z.ZodType } ? N : never
}[ParameterName]

/**
 * What a mutation asked for, after coercion: the values of the GraphQL input with every default filled in and the
 * files left out.
 */
export type OperationInput = { [N in ValueName]: z.output<Parameters[N]['value']> }

type Shape = { [N in ValueName]: z.ZodType<OperationInput[N]> }

function shapeOf(read: (value: z.ZodType, usual: unknown) => z.ZodType): Shape {
  const members: Record<string, z.ZodType> = {}
  for (const { name, value, default: usual } of parameterList) if (value) members[name] = read(value, usual)
  return members as Shape
}

/** An invalid value becomes the default, since older versions kept other inputs. */
const keptShape = shapeOf((value, usual) => value.catch(usual))
const kept = z.object(keptShape)

/** GraphQL has checked the types. Null means the same as nothing. */
const asked = z.strictObject(shapeOf((value, usual) => value.nullish().transform((given) => given ?? usual)))

/** Fills in the defaults of parameters that a mutation leaves out. Throws for a field that is no parameter. */
export function fillInput(fields: Partial<Record<ValueName, unknown>>): OperationInput {
  return asked.parse(fields)
}

/** The input with every default. */
export const emptyInput: OperationInput = fillInput({})

/** Reads the input of an operation as it is kept, whichever version kept it. Throws nothing. */
export function readInput(json: unknown): OperationInput {
  return kept.parse(isRecord(json) ? json : {})
}

/** The same for one parameter. */
export function readValue<Name extends ValueName>(json: unknown, name: Name): OperationInput[Name] {
  return keptShape[name].parse(isRecord(json) ? json[name] : undefined)
}

type Json = string | number | boolean | null | Json[] | { [name: string]: Json }

/** An input as JSON, as it is kept with its operation. */
export type KeptInput = Record<ValueName, Json>

/** JSON has no number for 64 bits: such numbers are strings. */
export function writeInput(input: OperationInput): KeptInput {
  return JSON.parse(JSON.stringify(input, (_, value) => (typeof value === 'bigint' ? String(value) : value)))
}
