import { expect, test } from 'vitest'
import { toOperationFailure } from '../../src/operations/operation-error.ts'
import { ProviderFailure } from '../../src/providers/failure.ts'

const unknown = (answeredWith: number | null) =>
  toOperationFailure(
    new ProviderFailure({ certainty: 'UNKNOWN', reason: 'UPSTREAM_UNAVAILABLE', answeredWith }),
  )

test('an error that a provider answered with is told as an answer, not as a lost connection', () => {
  const { reason, message } = unknown(500)
  expect(reason).toBe('UPSTREAM_OUTCOME_UNKNOWN')
  expect(message).toMatch(/^The provider answered with an error \(500\)/)
  expect(message).not.toMatch(/connection/)
})

test('a connection that was lost is told as one', () => {
  expect(unknown(null).message).toMatch(/^The connection to the provider was lost/)
})
