import { expect, onTestFinished, test, vi } from 'vitest'
import type { TestCase, TestModule } from 'vitest/node'
import { createProgressReporter } from './progress-reporter.ts'

const file = (relativeModuleId: string) => ({ relativeModuleId }) as TestModule
const result = (state: string) => ({ result: () => ({ state }) }) as unknown as TestCase

test('a log of the tests says every half a minute how far they are, until they end', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] })
  onTestFinished(() => void vi.useRealTimers())
  const lines: string[] = []
  const reporter = createProgressReporter((line) => lines.push(line))
  reporter.onTestRunStart?.(Array(3).fill({}))
  await reporter.onTestModuleQueued?.(file('a.test.ts'))
  await reporter.onTestModuleQueued?.(file('b.test.ts'))
  vi.advanceTimersByTime(30_000)
  for (const state of ['passed', 'failed', 'skipped']) await reporter.onTestCaseResult?.(result(state))
  await reporter.onTestModuleEnd?.(file('a.test.ts'))
  vi.advanceTimersByTime(30_000)
  await reporter.onTestModuleEnd?.(file('b.test.ts'))
  await reporter.onTestRunEnd?.([], [], 'passed')
  vi.advanceTimersByTime(90_000)
  expect(lines).toEqual([
    '30 s: 0 of 3 files, 0 tests, 0 failed; running: a.test.ts, b.test.ts',
    '60 s: 1 of 3 files, 2 tests, 1 failed; running: b.test.ts',
  ])
})
