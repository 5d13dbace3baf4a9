import { describe, expect, test } from 'vitest'
import { type FailureDetails, ProviderFailure } from '../../src/providers/failure.ts'
import { type Health, type Hold, type Passage, ProviderHealth } from '../../src/providers/provider-health.ts'

const startMs = 1_000_000
const pauseMs = 1_000

/** A provider with a clock of its own, which is paused after three failures. */
function createHealth(random: () => number = () => 0) {
  let now = startMs
  const changes: Health[] = []
  const health = new ProviderHealth({
    maxFailures: 3,
    pauseMs,
    uptimeMs: () => now,
    random,
    onChange: (change) => changes.push(change),
  })
  const pass = (ms: number) => {
    now += ms
  }
  const ask = (isRetry = false) => health.enter({ isRetry })
  const enter = (): Passage => {
    const entry = ask()
    if ('why' in entry) throw new Error(`held back: ${entry.why}`)
    return entry
  }
  const call = (end: End) => {
    using passage = enter()
    end(passage)
  }
  return { health, changes, pass, ask, enter, call }
}

type End = (passage: Passage) => void

const failure = (details: Partial<FailureDetails> = {}) =>
  new ProviderFailure({ certainty: 'REFUSED', reason: 'RATE_LIMITED', ...details })
const fail =
  (details?: Partial<FailureDetails>): End =>
  (passage) =>
    passage.failed(failure(details))

const answered: End = (passage) => passage.succeeded()
const down = fail({ certainty: 'UNKNOWN', reason: 'UPSTREAM_UNAVAILABLE' })
const refused = fail({ reason: 'UPSTREAM_INVALID_REQUEST' })
const cancelled = fail({ certainty: 'UNKNOWN', reason: 'CANCELLED' })
const later = (retryAfterMs: number) => fail({ retryAfterMs })
const downUntil = (retryAfterMs: number) => fail({ reason: 'UPSTREAM_UNAVAILABLE', retryAfterMs })

const open = (ms: number): Hold => ({ why: 'OPEN', ms })
const waiting = (ms: number): Hold => ({ why: 'WAITING', ms })
const mayStart = { succeeded: expect.any(Function) }

describe('a provider that fails', () => {
  const broken = () => {
    const opened = createHealth()
    for (let calls = 0; calls < 3; calls++) opened.call(down)
    return opened
  }

  test('opens after so many failures in a row, and not for refusals, cancels or errors of our own', () => {
    const { call, ask } = createHealth()
    const ownError: End = (passage) => passage.failed(new Error('disk'))
    for (const end of [down, down, refused, down, down, cancelled, ownError]) call(end)
    expect(ask()).toMatchObject(mayStart)
    call(down)
    expect(ask()).toEqual(open(pauseMs))
  })

  test('lets one call through after the pause, and opens again if that fails', () => {
    const { call, ask, enter, pass } = broken()
    pass(pauseMs - 1)
    expect(ask()).toEqual(open(1))
    pass(1)
    {
      using trial = enter()
      expect(ask()).toMatchObject({ why: 'OPEN' })
      down(trial)
    }
    expect(ask()).toEqual(open(pauseMs))
    pass(pauseMs)
    call(refused)
    call(down)
    call(answered)
  })

  test('is not stuck when the caller of the trial just leaves', () => {
    const { call, pass } = broken()
    pass(pauseMs)
    call(() => {})
    call(answered)
  })

  test('lets the next call be the trial when the first one was cancelled, and says nothing of a change', () => {
    const { call, ask, enter, pass, changes } = broken()
    pass(pauseMs)
    call(cancelled)
    using _trial = enter()
    expect(ask()).toMatchObject({ why: 'OPEN' })
    expect(changes).toHaveLength(1)
  })

  test('is well again after a trial that it answered, with a refusal too', () => {
    for (const end of [answered, refused]) {
      const { call, ask, pass } = broken()
      pass(pauseMs)
      call(end)
      for (let calls = 0; calls < 2; calls++) call(down)
      expect(ask()).toMatchObject(mayStart)
    }
  })

  test('gets no trial through a call that started before the break', () => {
    const { call, enter, ask, pass } = createHealth()
    using early = enter()
    for (let calls = 0; calls < 3; calls++) call(down)
    pass(pauseMs)
    using _trial = enter()
    early[Symbol.dispose]()
    expect(ask()).toMatchObject({ why: 'OPEN' })
  })

  test('is not paused for longer by a call that started before the break and fails late', () => {
    const { call, enter, ask, pass, changes } = createHealth()
    using early = enter()
    for (let calls = 0; calls < 3; calls++) call(down)
    pass(pauseMs - 1)
    down(early)
    expect(ask()).toEqual(open(1))
    expect(changes).toHaveLength(1)
  })

  test('is well again when a call that started before the break is answered', () => {
    const { call, enter, ask } = createHealth()
    using early = enter()
    for (let calls = 0; calls < 3; calls++) call(down)
    answered(early)
    expect(ask()).toMatchObject(mayStart)
  })

  test('may be asked about a call that is paid for, and its answer ends the break', () => {
    const { health, ask } = broken()
    using passage = health.accompany()
    expect(ask()).toEqual(open(pauseMs))
    answered(passage)
    expect(ask()).toMatchObject(mayStart)
  })
})

describe('a provider that says "not before"', () => {
  test('is free until it says otherwise', () => {
    const { health, ask } = createHealth()
    expect(health.hold()).toBeNull()
    expect(ask()).toMatchObject(mayStart)
  })

  test('holds every call back for as long as the provider said, and no other provider', () => {
    const { health, call, ask, pass } = createHealth()
    const other = createHealth()
    call(later(5_000))
    expect(ask()).toEqual(waiting(5_000))
    expect(other.ask()).toMatchObject(mayStart)
    pass(4_999)
    expect(health.hold()).toEqual(waiting(1))
    pass(1)
    expect(ask()).toMatchObject(mayStart)
  })

  test('spreads the calls that wait for the same moment behind it', () => {
    const { health, call, ask } = createHealth(() => 0.5)
    call(later(5_000))
    expect(ask()).toEqual(waiting(5_250))
    expect(health.hold()).toEqual(waiting(5_000))
  })

  test('is not shortened by a later, shorter word', () => {
    const { health, call, enter } = createHealth()
    using other = enter()
    call(later(5_000))
    later(1_000)(other)
    expect(health.hold()).toEqual(waiting(5_000))
  })

  test('is made longer by a later, longer word', () => {
    const { health, call, enter, changes } = createHealth()
    using other = enter()
    call(later(1_000))
    later(5_000)(other)
    expect(health.hold()).toEqual(waiting(5_000))
    expect(changes.map(({ untilMs }) => untilMs)).toEqual([startMs + 1_000, startMs + 5_000])
  })

  test('is not called earlier because another call was answered meanwhile', () => {
    const { health, call, enter } = createHealth()
    using other = enter()
    call(later(5_000))
    answered(other)
    expect(health.hold()).toEqual(waiting(5_000))
  })

  test('does not believe a server that asks for a day', () => {
    const { health, call } = createHealth()
    call(later(86_400_000))
    expect(health.hold()).toEqual(waiting(3_600_000))
  })

  test.each(['FAILED', 'UNKNOWN'] as const)('is not slowed by an outcome that is %s', (certainty) => {
    const { health, call } = createHealth()
    call(fail({ certainty, retryAfterMs: 5_000 }))
    expect(health.hold()).toBeNull()
  })
})

describe('retries', () => {
  test('lets a few retries pass, and then a fifth of the calls', () => {
    const { ask } = createHealth()
    const passes = (times: number, isRetry: boolean) =>
      Array.from({ length: times }, () => ask(isRetry)).filter((entry) => !('why' in entry)).length
    expect(passes(30, true)).toBe(10)
    expect(passes(100, false)).toBe(100)
    expect(passes(100, true)).toBe(20)
  })

  test('puts off a retry beyond that instead of failing it, and lets it pass after a while', () => {
    const { ask, pass } = createHealth()
    while (!('why' in ask(true)));
    expect(ask(true)).toEqual({ why: 'TOO_MANY_RETRIES', ms: 2_500 })
    expect(ask(false)).toMatchObject(mayStart)
    pass(10_000)
    expect(ask(true)).toMatchObject(mayStart)
  })

  test('are not counted while they are held back', () => {
    const { call, ask, pass } = createHealth()
    call(later(1_000))
    for (let asks = 0; asks < 100; asks++) ask(true)
    pass(1_000)
    expect(ask(true)).toMatchObject(mayStart)
  })

  test('that are put off are not the trial of a break', () => {
    const { call, ask, pass, enter } = createHealth()
    while (!('why' in ask(true)));
    for (let calls = 0; calls < 3; calls++) call(down)
    pass(pauseMs)
    expect(ask(true)).toMatchObject({ why: 'TOO_MANY_RETRIES' })
    using _trial = enter()
    expect(ask()).toMatchObject({ why: 'OPEN' })
  })
})

describe('a break and a wait', () => {
  test('are told apart: any number of 429s is no failure that opens', () => {
    const { call, changes, pass } = createHealth()
    for (let calls = 0; calls < 10; calls++) {
      call(later(100))
      pass(100)
    }
    expect(changes.some(({ state }) => state === 'OPEN')).toBe(false)
  })

  test('a 429 between failures begins the count again, as any answer does', () => {
    const { call, ask } = createHealth()
    for (const end of [down, down, later(0), down, down]) call(end)
    expect(ask()).toMatchObject(mayStart)
  })

  test('one failure can be both', () => {
    const { call, pass, ask } = createHealth()
    call(downUntil(500))
    expect(ask()).toEqual(waiting(500))
    pass(500)
    call(down)
    call(down)
    expect(ask()).toEqual(open(pauseMs))
  })

  test('a wait that ends while the provider is open lets nobody through', () => {
    const { call, pass, ask, enter } = createHealth()
    using first = enter()
    using second = enter()
    call(downUntil(500))
    for (const early of [first, second]) down(early)
    expect(ask()).toEqual(open(pauseMs))
    pass(500)
    expect(ask()).toEqual(open(pauseMs - 500))
    pass(pauseMs - 500)
    expect(ask()).toMatchObject(mayStart)
  })

  test('a pause that ends within a wait brings no trial before the wait is over', () => {
    const { call, pass, ask, enter } = createHealth()
    using first = enter()
    using second = enter()
    call(downUntil(5_000))
    for (const early of [first, second]) down(early)
    pass(pauseMs)
    expect(ask()).toEqual(waiting(5_000 - pauseMs))
    pass(5_000 - pauseMs)
    using _trial = enter()
    expect(ask()).toMatchObject({ why: 'OPEN' })
  })

  test('a trial that hears a 429 ends the break and begins a wait', () => {
    const { call, pass, ask, changes } = createHealth()
    for (let calls = 0; calls < 3; calls++) call(down)
    pass(pauseMs)
    call(later(2_000))
    expect(ask()).toEqual(waiting(2_000))
    pass(2_000)
    call(answered)
    expect(changes.map(({ state }) => state)).toEqual(['OPEN', 'WAITING', 'HEALTHY'])
  })
})

describe('a change is told', () => {
  test('as plain values: since when, until when, and why', () => {
    const { call, pass, changes } = createHealth()
    for (let calls = 0; calls < 3; calls++) call(down)
    const reason = 'UPSTREAM_UNAVAILABLE'
    const opened = { state: 'OPEN', sinceMs: startMs, untilMs: startMs + pauseMs, reason, failures: 3 }
    expect(changes).toEqual([opened])
    pass(pauseMs)
    call(down)
    expect(changes[1]).toEqual({ ...opened, untilMs: startMs + 2 * pauseMs, failures: 4 })
    pass(pauseMs)
    call(answered)
    const well = { state: 'HEALTHY', untilMs: null, reason: null, failures: 0 }
    expect(changes[2]).toEqual({ ...well, sinceMs: startMs + 2 * pauseMs })
  })

  test('once: neither a failure that opens nothing nor an answer of a healthy provider is one', () => {
    const { call, changes } = createHealth()
    for (const end of [down, answered, refused, later(0), cancelled]) call(end)
    expect(changes).toEqual([])
  })

  test('when a wait is over, by the first call after it', () => {
    const { call, pass, ask, changes } = createHealth()
    call(later(500))
    pass(500)
    expect(changes).toHaveLength(1)
    ask()
    ask()
    expect(changes.map(({ state, reason }) => [state, reason])).toEqual([
      ['WAITING', 'RATE_LIMITED'],
      ['HEALTHY', null],
    ])
  })
})
