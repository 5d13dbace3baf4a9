import {
  type ExecutionResult,
  type FormattedExecutionResult,
  type GraphQLError,
  type GraphQLSchema,
  Kind,
} from 'graphql'
import { EaselError } from '../../errors.ts'
import type { AcceptedOperation } from '../../schema/accepted-operation.ts'
import { type FailureScope, presentFailure } from './graphql-failure.ts'
import { splitVariableError } from './variable-faults.ts'

export interface ResultScope extends Omit<FailureScope, 'executed'> {
  schema: GraphQLSchema
  variables: Record<string, unknown> | null | undefined
  hideSuggestions: boolean
  /** What was accepted, although the result may have lost it to an error. */
  accepted: readonly AcceptedOperation[]
}

/** One result, or the results of a subscription. */
export type Results = ExecutionResult | AsyncIterable<ExecutionResult>

export function isStream(results: Results): results is AsyncIterable<ExecutionResult> {
  return Symbol.asyncIterator in results
}

/** Yoga's type allows for batches too. They are turned off. */
export function withoutBatches(results: Results | ExecutionResult[]): Results {
  if (Array.isArray(results)) throw new Error('Yoga answered a batch')
  return results
}

/** A result as clients see it. */
export function presentResult(result: ExecutionResult, scope: ResultScope): ExecutionResult {
  if (!result.errors) return result
  const failureScope = { ...scope, executed: 'data' in result }
  // Yoga reports an aborted request as a list of no errors.
  if (result.errors.length === 0 && !result.data) {
    const aborted = new EaselError('UNAVAILABLE', 'The request was aborted')
    return withAccepted({ errors: [presentFailure(aborted, failureScope)] }, scope)
  }
  const errors = withoutRepeats(result.errors).flatMap((error) => {
    const faults = splitVariableError(error, scope)
    if (!faults) return [presentFailure(error, failureScope)]
    return faults.map((fault) => presentFailure(fault, { ...failureScope, isInvalidRequest: true }))
  })
  return withAccepted({ ...result, errors }, scope)
}

/** A mutation that fails takes the answers of those before it along: what they brought about is told beside the errors. */
function withAccepted(result: ExecutionResult, { accepted }: ResultScope): ExecutionResult {
  if (accepted.length === 0) return result
  return { ...result, extensions: { ...result.extensions, accepted } }
}

/**
 * graphql-js gives one error for each fault of a variable; each of them is split into all of its variable's faults.
 * After fifty graphql-js gives up with an error that names no place; that one is left out.
 */
function withoutRepeats(errors: readonly GraphQLError[]): GraphQLError[] {
  const variables = new Set<unknown>()
  return errors.filter((error) => {
    const [node] = error.nodes ?? []
    if (!node && !error.path && variables.size > 0) return false
    if (node?.kind !== Kind.VARIABLE_DEFINITION) return true
    const isNew = !variables.has(node)
    variables.add(node)
    return isNew
  })
}

/** The results as an event stream carries them. A source that fails says so in a last result. */
export function presentAsStream(
  results: Results,
  scope: ResultScope,
): AsyncIterable<FormattedExecutionResult> {
  return isStream(results) ? presentResults(results, scope) : presentOnce(results, scope)
}

function presentResults(
  results: AsyncIterable<ExecutionResult>,
  scope: ResultScope,
): AsyncIterable<FormattedExecutionResult> {
  return {
    [Symbol.asyncIterator]() {
      const source = results[Symbol.asyncIterator]()
      let failed = false
      return {
        async next() {
          if (failed) return { done: true, value: undefined }
          try {
            const step = await source.next()
            return step.done ? step : { done: false, value: toPayload(presentResult(step.value, scope)) }
          } catch (error) {
            failed = true
            return { done: false, value: presentError(error, scope) }
          }
        },
        // Calls the source itself: a generator function would queue `return` after the `next` that it has to end.
        return: async () => (await source.return?.()) ?? { done: true, value: undefined },
      }
    },
  }
}

async function* presentOnce(
  result: ExecutionResult,
  scope: ResultScope,
): AsyncGenerator<FormattedExecutionResult> {
  yield toPayload(presentResult(result, scope))
}

/** An error as the only result of an event stream, or its last. */
export function presentError(error: unknown, scope: ResultScope): FormattedExecutionResult {
  return toPayload({ errors: [presentFailure(error, { ...scope, executed: true })] })
}

/** Without the instructions for the HTTP layer, which Yoga strips from plain answers only. */
function toPayload(result: ExecutionResult): FormattedExecutionResult {
  if (!result.errors) return result
  const errors = result.errors.map((error) => {
    const { http: _, ...extensions } = error.extensions
    return { ...error.toJSON(), extensions }
  })
  return { ...result, errors }
}
