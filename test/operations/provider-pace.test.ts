import { describe, expect, test } from 'vitest'
import { createProviderPace } from '../../src/operations/run/provider-pace.ts'
import { type FailureDetails, ProviderFailure } from '../../src/providers/failure.ts'

function createClock() {
  let ms = 1_000_000
  const pass = (more: number) => {
    ms += more
  }
  return { uptimeMs: () => ms, pass }
}

const failure = (details: Partial<FailureDetails> = {}) =>
  new ProviderFailure({ certainty: 'REFUSED', reason: 'RATE_LIMITED', ...details })

const createPace = (clock = createClock()) => ({
  clock,
  pace: createProviderPace({ uptimeMs: clock.uptimeMs, random: () => 0.5 }),
})

describe('the pace of a provider', () => {
  test('is free until it says otherwise', () => {
    expect(createPace().pace.waitMs('one', { isRetry: false })).toBe(0)
  })

  test('holds every call back for as long as the provider said, and no other provider', () => {
    const { pace, clock } = createPace()
    pace.failed('one', failure({ retryAfterMs: 5_000 }))
    expect(pace.waitMs('one', { isRetry: false })).toBeGreaterThanOrEqual(5_000)
    expect(pace.waitMs('other', { isRetry: false })).toBe(0)
    clock.pass(4_999)
    expect(pace.heldMs('one')).toBe(1)
    clock.pass(1)
    expect(pace.waitMs('one', { isRetry: false })).toBe(0)
  })

  test('is not shortened by a later, shorter word', () => {
    const { pace } = createPace()
    pace.failed('one', failure({ retryAfterMs: 5_000 }))
    pace.failed('one', failure({ retryAfterMs: 1_000 }))
    expect(pace.heldMs('one')).toBe(5_000)
  })

  test('does not believe a server that asks for a day', () => {
    const { pace } = createPace()
    pace.failed('one', failure({ retryAfterMs: 86_400_000 }))
    expect(pace.heldMs('one')).toBe(3_600_000)
  })

  test.each(['FAILED', 'UNKNOWN'] as const)('is not slowed by an outcome that is %s', (certainty) => {
    const { pace } = createPace()
    pace.failed('one', failure({ certainty, retryAfterMs: 5_000 }))
    expect(pace.heldMs('one')).toBe(0)
  })

  test('lets a few retries pass, and then a fifth of the calls', () => {
    const { pace } = createPace()
    const passes = (times: number, isRetry: boolean) =>
      Array.from({ length: times }, () => pace.waitMs('one', { isRetry })).filter((ms) => ms === 0).length
    expect(passes(30, true)).toBe(10)
    expect(passes(100, false)).toBe(100)
    expect(passes(100, true)).toBe(20)
  })

  test('puts off a retry beyond that instead of failing it, and lets it pass after a while', () => {
    const { pace, clock } = createPace()
    while (pace.waitMs('one', { isRetry: true }) === 0);
    expect(pace.waitMs('one', { isRetry: true })).toBeGreaterThan(0)
    clock.pass(10_000)
    expect(pace.waitMs('one', { isRetry: true })).toBe(0)
  })
})
