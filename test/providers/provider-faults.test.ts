import { expect, test } from 'vitest'
import { ProviderFailure } from '../../src/providers/failure.ts'
import { type Fault, ProviderFaults } from '../../src/providers/provider-faults.ts'
import type { ProviderReason } from '../../src/reasons/reasons.ts'

const startMs = 1_000_000
const pauseMs = 1_000

function createFaults() {
  let now = startMs
  const changes: [Fault['reason'], string][] = []
  const faults = new ProviderFaults({
    pauseMs,
    uptimeMs: () => now,
    onChange: ({ reason }, change) => changes.push([reason, change]),
  })
  const fail = (reason: ProviderReason, model = 'one') =>
    faults.failed(new ProviderFailure({ certainty: 'REFUSED', reason }), model)
  const pass = (ms: number) => {
    now += ms
  }
  return { faults, changes, fail, pass }
}

test.each(['UPSTREAM_AUTH', 'QUOTA_EXHAUSTED'] as const)(
  '%s puts every model in doubt for a while',
  (reason) => {
    const { faults, fail, pass } = createFaults()
    fail(reason)
    expect([faults.doubtMs('one'), faults.doubtMs('two')]).toEqual([pauseMs, pauseMs])
    pass(pauseMs)
    expect(faults.doubtMs('one')).toBe(0)
  },
)

test('a missing model puts no other one in doubt', () => {
  const { faults, fail } = createFaults()
  fail('UPSTREAM_MODEL_NOT_FOUND')
  expect([faults.doubtMs('one'), faults.doubtMs('two')]).toEqual([pauseMs, 0])
  faults.succeeded('two')
  expect(faults.list()).toMatchObject([{ model: 'one' }])
})

test.each(['CONTENT_REFUSED', 'UPSTREAM_INVALID_REQUEST', 'RATE_LIMITED', 'UPSTREAM_UNAVAILABLE'] as const)(
  '%s is no fault of the provider alone',
  (reason) => {
    const { faults, fail } = createFaults()
    fail(reason)
    expect(faults.list()).toEqual([])
  },
)

test('a fault stays until a call succeeds, and is told once when it comes and once when it goes', () => {
  const { faults, changes, fail, pass } = createFaults()
  fail('UPSTREAM_AUTH')
  pass(10 * pauseMs)
  fail('UPSTREAM_AUTH')
  expect(faults.list()).toEqual([
    { reason: 'UPSTREAM_AUTH', model: null, sinceMs: startMs, untilMs: startMs + 11 * pauseMs },
  ])
  faults.succeeded('one')
  faults.succeeded('one')
  expect(faults.list()).toEqual([])
  expect(changes).toEqual([
    ['UPSTREAM_AUTH', 'FOUND'],
    ['UPSTREAM_AUTH', 'GONE'],
  ])
})
