import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { planNextTry, type TrySituation } from '../../src/operations/call/next-try.ts'
import { type FailureDetails, ProviderFailure } from '../../src/providers/failure.ts'

const situation: TrySituation = { attempt: 1, alternatives: 1, timeLeftMs: 600_000, random: () => 0.5 }
const failure = (details: Partial<FailureDetails> = {}) =>
  new ProviderFailure({ certainty: 'REFUSED', reason: 'RATE_LIMITED', ...details })

describe('another attempt', () => {
  test.each(['UNKNOWN', 'FAILED'] as const)('never follows an outcome that is %s', (certainty) => {
    expect(planNextTry(failure({ certainty, retryable: true }), situation)).toBeNull()
  })

  test('never follows a refusal that would be repeated', () => {
    expect(planNextTry(failure({ reason: 'CONTENT_REFUSED' }), situation)).toBeNull()
  })

  test('never comes earlier than the provider said, however long that is', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 599_000 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (retryAfterMs, r) => {
          const waitMs = planNextTry(failure({ retryAfterMs }), { ...situation, random: () => r })
          return waitMs === null || waitMs >= retryAfterMs
        },
      ),
    )
  })

  test('is given up when the provider asks to wait beyond the deadline', () => {
    expect(planNextTry(failure({ retryAfterMs: 3_600_000 }), situation)).toBeNull()
  })

  test('goes to the next provider of the model at once, and backs off after the last one', () => {
    expect(planNextTry(failure(), { ...situation, alternatives: 2 })).toBe(0)
    expect(planNextTry(failure(), { ...situation, alternatives: 2, attempt: 2 })).toBeGreaterThan(0)
  })

  test.each(['UPSTREAM_AUTH', 'QUOTA_EXHAUSTED', 'UPSTREAM_MODEL_NOT_FOUND'] as const)(
    'goes to the next provider after %s, and never back to the same one',
    (reason) => {
      expect(planNextTry(failure({ reason }), situation)).toBeNull()
      expect(planNextTry(failure({ reason }), { ...situation, alternatives: 2 })).toBe(0)
      expect(planNextTry(failure({ reason }), { ...situation, alternatives: 2, attempt: 2 })).toBeNull()
      const paid = failure({ reason, certainty: 'FAILED' })
      expect(planNextTry(paid, { ...situation, alternatives: 2 })).toBeNull()
    },
  )

  test('never takes a prompt that one provider refused to another', () => {
    expect(planNextTry(failure({ reason: 'CONTENT_REFUSED' }), { ...situation, alternatives: 2 })).toBeNull()
  })

  test('ends after six', () => {
    expect(planNextTry(failure(), { ...situation, attempt: 6 })).toBeNull()
  })
})
