import { setTimeout as delay } from 'node:timers/promises'

/** Each check rejects or returns false when its part does not work. */
export type ReadinessChecks = Readonly<Record<string, () => Promise<unknown>>>

/** Runs all checks at once. Returns the names of those that fail or do not answer in time. */
export function createReadiness(checks: ReadinessChecks, timeoutMs: number): () => Promise<string[]> {
  const check = async ([name, ask]: [string, () => Promise<unknown>], tooLate: Promise<string>) => {
    const asked = ask().then(
      (answer) => (answer === false ? `${name} does not work` : null),
      () => `${name} does not work`,
    )
    return Promise.race([asked, tooLate.then((words) => `${name} ${words}`)])
  }

  return async () => {
    const timer = new AbortController()
    const tooLate = delay(timeoutMs, 'does not answer', { signal: timer.signal })
    try {
      const answers = await Promise.all(Object.entries(checks).map((each) => check(each, tooLate)))
      return answers.filter((answer) => answer !== null)
    } finally {
      tooLate.catch(() => {})
      timer.abort()
    }
  }
}
