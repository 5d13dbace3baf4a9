import {
  coerceInputValue,
  type DocumentNode,
  GraphQLError,
  type GraphQLInputType,
  type GraphQLSchema,
  getNullableType,
  isInputObjectType,
  isInputType,
  isListType,
  isRequiredInputField,
  Kind,
  typeFromAST,
  type VariableDefinitionNode,
} from 'graphql'
import { EaselError } from '../../errors.ts'
import { joinInputPath, variablePathOf } from './input-path.ts'

export interface VariableScope {
  schema: GraphQLSchema
  document?: DocumentNode | undefined
  variables: Record<string, unknown> | null | undefined
  hideSuggestions: boolean
}

const maxFaults = 20

/** Stops a coercion that has reported enough faults: graphql-js would go on through thousands of wrong items. */
class EnoughFaults extends Error {}

/**
 * graphql-js refuses a variable in a sentence that names the place in prose and prints the whole value, prompt and all.
 * Coercing the value once more tells each fault and its place as data: a form wants one error for each field.
 * Null when the error is about something else.
 */
export function splitVariableError(error: GraphQLError, scope: VariableScope): GraphQLError[] | null {
  const { document } = scope
  const definition = error.nodes?.[0]
  if (!document || definition?.kind !== Kind.VARIABLE_DEFINITION) return null
  const field = variablePathOf(document, [definition.variable.name.value])
  const faults = coerceAgain(definition, field, scope)
  if (faults.length > 0) return faults
  return [
    new GraphQLError(error.message, {
      originalError: new EaselError('BAD_USER_INPUT', error.message, { field }),
    }),
  ]
}

function coerceAgain(definition: VariableDefinitionNode, base: string, scope: VariableScope): GraphQLError[] {
  const name = definition.variable.name.value
  const { schema, variables, hideSuggestions } = scope
  const type = typeFromAST(schema, definition.type)
  if (!isInputType(type) || !variables || !Object.hasOwn(variables, name)) return []
  const faults: GraphQLError[] = []
  const keysAt = new Map<string, string[]>()
  const onError = (path: readonly (string | number)[], value: unknown, error: GraphQLError) => {
    const at = [base, ...path].join('.')
    const keys = keysAt.get(at) ?? listWrongKeys(value, typeAt(type, path))
    const key = keys.shift()
    keysAt.set(at, keys)
    faults.push(toFault(error, joinInputPath(key === undefined ? [at] : [at, key])))
    if (faults.length >= maxFaults) throw new EnoughFaults()
  }
  try {
    coerceInputValue(variables[name], type, onError, hideSuggestions)
  } catch (error) {
    if (!(error instanceof EnoughFaults)) throw error
  }
  return faults
}

/**
 * graphql-js blames the object for a key that is missing or unknown. It goes through the required fields in the
 * order of the schema, then through the unknown keys in theirs, so the errors of one object can be told apart.
 */
function listWrongKeys(value: unknown, type: GraphQLInputType | undefined): string[] {
  if (typeof value !== 'object' || value === null || !isInputObjectType(type)) return []
  const fields = type.getFields()
  const given = value as Record<string, unknown>
  const missing = Object.values(fields).filter(
    (field) => isRequiredInputField(field) && given[field.name] === undefined,
  )
  const unknown = Object.keys(given).filter((key) => !Object.hasOwn(fields, key))
  return [...missing.map((field) => field.name), ...unknown]
}

function typeAt(type: GraphQLInputType, path: readonly (string | number)[]): GraphQLInputType | undefined {
  return path.reduce<GraphQLInputType | undefined>((at, key) => {
    if (typeof key === 'number') return isListType(at) ? getNullableType(at.ofType) : at
    const field = isInputObjectType(at) ? at.getFields()[key] : undefined
    return field && getNullableType(field.type)
  }, getNullableType(type))
}

/** An error of one of Easel's own scalars keeps its code and reason. */
function toFault(error: GraphQLError, field: string): GraphQLError {
  const { originalError } = error
  const known =
    originalError instanceof EaselError ? originalError : new EaselError('BAD_USER_INPUT', error.message)
  return new GraphQLError(known.message, { originalError: known.at(field) })
}
