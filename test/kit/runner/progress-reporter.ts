import type { Reporter, TestCase, TestModule, TestSpecification } from 'vitest/node'

/** How often somebody who watches a log wants to see that the tests go on. */
const everyMs = 30_000

type File = Pick<TestModule, 'relativeModuleId'>

/** Says now and then how far the tests are and at which files they work. A terminal shows that by itself, a log does not. */
export function createProgressReporter(write: (line: string) => void): Reporter {
  const running = new Set<string>()
  let [files, ended, tests, failed] = [0, 0, 0, 0]
  let startedAt = 0
  let timer: NodeJS.Timeout | undefined

  const tell = () => {
    const seconds = Math.round((performance.now() - startedAt) / 1000)
    const done = `${ended} of ${files} files, ${tests} tests, ${failed} failed`
    write(`${seconds} s: ${done}; running: ${[...running].join(', ') || 'nothing'}`)
  }
  return {
    onTestRunStart(specifications: readonly TestSpecification[]) {
      files = specifications.length
      startedAt = performance.now()
      timer = setInterval(tell, everyMs)
    },
    onTestModuleQueued: ({ relativeModuleId }: File) => void running.add(relativeModuleId),
    onTestCaseResult(testCase: Pick<TestCase, 'result'>) {
      const { state } = testCase.result()
      if (state !== 'skipped') tests++
      if (state === 'failed') failed++
    },
    onTestModuleEnd({ relativeModuleId }: File) {
      running.delete(relativeModuleId)
      ended++
    },
    onTestRunEnd: () => clearInterval(timer),
  }
}
