import { expect, test } from 'vitest'
import { createCircuitBreaker, type Passage } from '../../src/providers/circuit-breaker.ts'
import { ProviderFailure } from '../../src/providers/failure.ts'
import type { ProviderReason } from '../../src/reasons/reasons.ts'

let clock = 0
const openBreaker = () => createCircuitBreaker({ maxFailures: 3, pauseMs: 1000, now: () => new Date(clock) })

const fail = (reason: ProviderReason) => (passage: Passage) =>
  passage.failed(
    new ProviderFailure({ certainty: reason === 'UPSTREAM_INVALID_REQUEST' ? 'REFUSED' : 'UNKNOWN', reason }),
  )
const down = fail('UPSTREAM_UNAVAILABLE')
const refused = fail('UPSTREAM_INVALID_REQUEST')

function pass(breaker: ReturnType<typeof openBreaker>, end: (passage: Passage) => void): void {
  const passage = breaker.enter()
  end(passage)
  passage.left()
}

test('opens after so many failures in a row, and not for refusals, cancels or errors of our own', () => {
  const breaker = openBreaker()
  for (const end of [
    down,
    down,
    refused,
    down,
    down,
    fail('CANCELLED'),
    (passage: Passage) => passage.failed(new Error('disk')),
  ]) {
    pass(breaker, end)
  }
  pass(breaker, down)
  expect(() => breaker.enter()).toThrow(ProviderFailure)
})

test('lets one call through after the pause, and opens again if that fails', () => {
  clock = 0
  const breaker = openBreaker()
  for (let calls = 0; calls < 3; calls++) pass(breaker, down)
  clock = 999
  expect(() => breaker.enter()).toThrow('not available')
  clock = 1000
  const trial = breaker.enter()
  expect(() => breaker.enter()).toThrow('not available')
  down(trial)
  trial.left()
  expect(() => breaker.enter()).toThrow('not available')
  clock = 2000
  pass(breaker, refused)
  pass(breaker, down)
  pass(breaker, (passage) => passage.succeeded())
})

test('is not stuck when the caller of the trial just leaves', () => {
  clock = 0
  const breaker = openBreaker()
  for (let calls = 0; calls < 3; calls++) pass(breaker, down)
  clock = 1000
  breaker.enter().left()
  pass(breaker, (passage) => passage.succeeded())
})
